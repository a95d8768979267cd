"""Several galleries on one page: which there are, and how a visitor changes between them."""

from pathlib import Path
from urllib.parse import parse_qs

from make_gallery import tiny_gallery
from refusals import refused

from rsh.explorer.app import dashboard
from rsh.explorer.server.registry import Registry


def tell(panel, **content):
    """What the browser sends, along the way that it comes."""
    panel._handle_custom_msg(content, [])


def tile_in(address):
    return parse_qs(address.removeprefix("?"))["q"]


def test_the_gallery_comes_from_the_argument_then_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("RSH_GALLERY", "/from/environment\n/a/tiles_2021-05-02T10:30")
    assert Registry.find("/from/argument").names == ["argument"]
    assert Registry.find().names == ["environment", "tiles_2021-05-02T10:30"]
    monkeypatch.delenv("RSH_GALLERY")
    monkeypatch.chdir(tmp_path)
    assert Registry.find().names == ["bluemarble-64"]


def test_two_galleries_of_one_name_are_refused():
    with refused(names="same"):
        Registry([Path("/a/same"), Path("/b/other"), Path("/c/same")])


def test_a_visitor_changes_to_another_gallery_and_keeps_the_tile(gallery, tmp_path, monkeypatch):
    short = tiny_gallery(tmp_path / "short", num_bits=16)
    few = tiny_gallery(tmp_path / "few", num_tiles=20)
    folders = [gallery.folder, short.folder, few.folder]
    monkeypatch.setenv("RSH_GALLERY", "\n".join(map(str, folders)))
    box = dashboard()
    frame = box.children[0]
    assert frame.galleries == ["tiny", "short", "few"] and frame.gallery == "tiny"
    assert frame.address.startswith("?gallery=tiny&q=")
    tell(frame, kind="gallery", name="short")
    now = box.children[0]
    assert now.gallery == "short" and "16 bits" in now.facts
    assert tile_in(now.address) == tile_in(frame.address)
    tell(now, kind="address", text="?gallery=few&k=3")
    assert box.children[0].gallery == "few" and "k=3" in box.children[0].address
    tell(box.children[0], kind="gallery", name="../x")
    assert "no gallery '../x' is shown here" in box.children[0].message
    assert box.children[0].gallery == "few"
