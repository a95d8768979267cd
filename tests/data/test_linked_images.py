"""Images beside embeddings: read from below the folder alone, downloaded only if asked for."""

import io
from pathlib import Path

import pytest
from PIL import Image

from robustness.faults.http_server import serve
from rsh.data import linked_images
from rsh.data.linked_images import image_stamp, read_linked_image


def png(side: int = 50) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (200, 40, 30)).save(stream, "PNG")
    return stream.getvalue()


def size(image: Image.Image | None) -> tuple[int, int]:
    assert image
    return image.size


def test_file_below_the_folder_is_read(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(png())
    (tmp_path / "x.png").write_bytes(png())
    assert size(read_linked_image("1.png", tmp_path / "a", fetch=False)) == (50, 50)
    inside = str(tmp_path / "a" / "1.png")
    assert size(read_linked_image(inside, tmp_path / "a", fetch=False)) == (50, 50)
    (tmp_path / "a" / "link.png").symlink_to(tmp_path / "x.png")
    for outside in ("../x.png", str(tmp_path / "x.png"), "link.png"):
        assert read_linked_image(outside, tmp_path / "a", fetch=False) is None
        assert image_stamp(outside, tmp_path / "a", fetch=False) == ""


@pytest.mark.parametrize(
    "name", ["", "gone.png", "bad.png", ".", "a\0b", "x" * 5000, "s3://b/1.png"]
)
def test_what_is_no_image_gives_none(tmp_path: Path, name: str):
    (tmp_path / "bad.png").write_bytes(b"no image")
    assert read_linked_image(name, tmp_path, fetch=True) is None


def test_stamp_changes_with_the_file(tmp_path: Path):
    (tmp_path / "1.png").write_bytes(png())
    before = image_stamp("1.png", tmp_path, fetch=False)
    (tmp_path / "1.png").write_bytes(png(90))
    assert image_stamp("1.png", tmp_path, fetch=False) != before != ""


def test_addresses_are_fetched_if_asked_for(tmp_path: Path, monkeypatch):
    with serve(png()) as server:
        assert read_linked_image(server.url, tmp_path, fetch=False) is None
        assert server.asked == []
        assert size(read_linked_image(server.url, tmp_path, fetch=True)) == (50, 50)
        assert image_stamp(server.url, tmp_path, fetch=True) == server.url
        assert image_stamp(server.url, tmp_path, fetch=False) == ""
        monkeypatch.setattr(linked_images, "MAX_BYTES", 10)
        assert read_linked_image(server.url, tmp_path, fetch=True) is None
    assert read_linked_image(server.url, tmp_path, fetch=True) is None  # it has gone
