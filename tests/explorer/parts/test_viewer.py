"""A tile enlarged: the original, else the preview, else the thumbnail, and what is done with it."""

import io
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_loop import run
from PIL import Image

from rsh.data.tiles import TileDataset
from rsh.encoding.build import build_gallery
from rsh.explorer.originals.client import Enlarged
from rsh.explorer.page import Explorer
from rsh.explorer.panels.tiles import describe
from rsh.explorer.panels.viewer import large_view
from rsh.explorer.settings import PageSettings
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.training.run import Run

SIZE, PREVIEW, THUMBNAIL = (300, 260), (200, 173), (128, 111)
ROW = 1
MIDDLE = [0.25, 0.25, 0.75, 0.75]


@dataclass
class Visit:
    """A page, and what its viewer was sent."""

    page: Explorer
    data: Path
    messages: list[tuple[dict[str, Any], bytes]]

    @property
    def gallery(self) -> Gallery:
        return self.page.state.gallery

    def original(self, row: int = ROW) -> Image.Image:
        return Image.open(self.data / self.gallery.ids[row]).convert("RGB")

    def do(self, *works: Callable[[], Any]) -> None:
        """Do things one after another, as in one visit."""

        async def visit() -> None:
            try:
                for work in works:
                    await work()
            finally:
                await self.page._uploads.close()
                await self.page._sharpest.enlarger.close()

        run(visit())

    def enlarge(self, row: int = ROW) -> tuple[str, Image.Image]:
        """Return what is said of the image that is shown last, and the image."""
        self.do(lambda: self.page.viewer.enlarge(row))
        return self.last()

    def last(self) -> tuple[str, Image.Image]:
        content, image = next(
            one for one in reversed(self.messages) if one[0]["kind"] == "enlarged"
        )
        return content["what"], Image.open(io.BytesIO(image))


@pytest.fixture(scope="module")
def galleries(tiny_run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of soft images, a gallery with previews, and one without."""
    folder = tmp_path_factory.mktemp("viewer")
    draw = np.random.default_rng(0)
    for number in range(6):
        file = folder / "data" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        seeds = draw.integers(0, 256, (26, 30, 3), dtype=np.uint8)
        Image.fromarray(seeds).resize(SIZE, Image.Resampling.BICUBIC).save(file)
    data, net = TileDataset.open(folder / "data"), Run.open(tiny_run.folder).net()
    for name, preview in (("previews", 200), ("bare", 0)):
        build_gallery(
            net, data, folder / name, run=tiny_run.folder, preview=preview, progress=False
        )
    return folder


@pytest.fixture
def visit(galleries: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Visit]:
    def open_page(name: str, folder: Path | None = None, **settings: Any) -> Visit:
        gallery = Gallery.open((folder or galleries) / name)
        page = Explorer(ExplorerState(gallery), settings=PageSettings(**settings))
        shown = Visit(page, galleries / "data", [])
        monkeypatch.setattr(
            page.viewer.panel,
            "send",
            lambda content, buffers=(b"",): shown.messages.append((content, bytes(buffers[0]))),
        )
        page.receive(page.cards, {"kind": "choose", "row": ROW}, [])
        return shown

    return open_page


@pytest.fixture
def moved(galleries: Path, tmp_path: Path) -> Path:
    """The galleries, whose data is no longer where they say."""
    folder = tmp_path / "moved"
    shutil.copytree(galleries, folder)
    for manifest in folder.glob("*/gallery.json"):
        text = manifest.read_text()
        assert str(galleries / "data") in text
        manifest.write_text(text.replace(str(galleries / "data"), str(folder / "gone")))
    return folder


def test_the_original_is_shown_where_the_gallery_knows_it(visit):
    shown = visit("previews")
    what, image = shown.enlarge()
    assert what == "The original image, 300 x 260 pixels." and image.size == SIZE
    difference = np.asarray(image, float) - np.asarray(shown.original(), float)
    assert np.abs(difference).mean() < 2
    (first, stored), _ = shown.messages  # what is stored comes at once
    assert first["what"] == ("Looking for a sharper image. The stored preview, 200 x 173 pixels.")
    assert stored == shown.gallery.preview(ROW)


@pytest.mark.parametrize("is_moved", [False, True])
def test_else_the_preview_is_shown(visit, moved: Path, is_moved: bool):
    shown = visit("previews", moved) if is_moved else visit("previews", originals=False)
    what, image = shown.enlarge()
    assert what == "The stored preview, 200 x 173 pixels." and image.size == PREVIEW
    assert shown.messages[-1][1] == shown.gallery.preview(ROW)
    assert len(shown.messages) == 1 + is_moved


@pytest.mark.parametrize("is_moved", [False, True])
def test_else_the_thumbnail_is_shown(visit, moved: Path, is_moved: bool):
    shown = visit("bare", moved) if is_moved else visit("bare", originals=False)
    what, image = shown.enlarge()
    assert what.startswith("The stored thumbnail, 128 x 111 pixels: `rsh encode --preview 512`")
    assert image.size == THUMBNAIL and shown.messages[-1][1] == shown.gallery.thumbnail(ROW)


def test_no_sharper_image_is_promised_of_a_tile_that_has_few_pixels(visit):
    tile = describe(visit("bare").gallery, ROW)
    few = Enlarged(b"", "thumbnail", 20, 20)
    for pending in (False, True):
        view = large_view(visit("bare").gallery, tile, few, pending=pending)
        assert view["what"] == "The stored thumbnail, 20 x 20 pixels: all that the tile has."
    other = large_view(visit("bare").gallery, tile, few._replace(width=128), pending=True)
    assert other["what"].startswith("Looking for a sharper image. The stored thumbnail, 128 x 20")


def test_an_image_that_was_changed_is_no_original(visit, galleries: Path, tmp_path: Path):
    folder = tmp_path / "changed"
    shutil.copytree(galleries, folder)
    manifest = folder / "previews" / "gallery.json"
    text = manifest.read_text().replace(str(galleries / "data"), str(folder / "data"))
    manifest.write_text(text)
    shown = visit("previews", folder)
    assert shown.enlarge()[0].startswith("The original image")
    shown.original().transpose(Image.Transpose.ROTATE_180).save(
        folder / "data" / shown.gallery.ids[ROW]
    )
    assert shown.enlarge()[0].startswith("The stored preview")


def test_the_browser_is_told_no_path(visit, galleries: Path):
    shown = visit("previews")
    shown.enlarge()
    assert all(str(galleries) not in str(content) for content, _ in shown.messages)


def test_a_row_that_there_is_not_is_an_alert(visit):
    shown = visit("previews")
    shown.do(lambda: shown.page.viewer.enlarge(6))
    assert shown.page.header.message.startswith("there is no tile 6") and not shown.messages


CASES = [
    pytest.param("previews", {}, (150, 130), "original", id="original"),
    pytest.param("previews", {"originals": False}, (100, 87), "preview", id="preview"),
    pytest.param("bare", {"originals": False}, (64, 55), "thumbnail", id="thumbnail"),
]


@pytest.mark.parametrize(("name", "settings", "size", "kind"), CASES)
def test_a_part_is_cut_from_the_sharpest_image(visit, name, settings, size, kind):
    shown = visit(name, **settings)
    shown.do(lambda: shown.page.viewer.take_part(ROW, MIDDLE))
    assert shown.page.header.message == ""
    part = shown.page.state.query.image
    assert part is not None and part.name.startswith("part of ")
    image = Image.open(io.BytesIO(part.thumbnail))
    assert np.abs(np.subtract(image.size, size)).max() <= 1
    if kind == "original":  # nothing was lost before the part was encoded
        _, file = shown.page._sharpest._file
        expected = shown.original().crop((75, 65, 225, 195))
        assert (np.asarray(Image.open(io.BytesIO(file))) == np.asarray(expected)).all()


def test_a_part_that_is_too_small_is_refused_in_the_dialog(visit):
    shown = visit("previews")
    before = shown.page.state.query
    shown.do(lambda: shown.page.viewer.take_part(ROW, [0.5, 0.5, 0.51, 0.51]))
    ((content, _),) = shown.messages
    assert (content["kind"], content["row"]) == ("part", ROW)
    assert content["problem"] == (
        "a part of 3 x 3 pixels is too small to search with: draw one of at least 16 x 16"
    )
    assert shown.page.header.message == "" and shown.page.state.query == before
    shown.do(lambda: shown.page.viewer.take_part(ROW, MIDDLE))
    assert shown.messages[-1][0] == {"kind": "part", "row": ROW, "problem": ""}


@pytest.mark.parametrize(("name", "settings", "size", "kind"), CASES)
def test_the_explanation_says_what_was_covered(visit, name, settings, size, kind):
    shown = visit(name, **settings)
    page = shown.page
    page.dock.tab = "parts"
    shown.do(page.look_for_parts)
    assert page.header.message == ""
    found, view = page._explained.parts, page.reasons.view["parts"]
    assert found.kind == kind and len(view["images"]) == 2
    differing = int(
        np.unpackbits(found.occlusion.untouched.packed ^ shown.gallery.packed[ROW]).sum()
    )
    words = (
        f"in {differing} of 16 bits." if differing else "It has the code that was searched with."
    )
    assert view["note"].endswith(words)
    if kind == "original":
        assert view["note"] == f"The original image was covered. {words}" and not differing
    else:
        assert view["note"].startswith(f"The stored {kind} was covered, not the original image. ")


def test_the_code_that_is_explained_is_that_of_the_gallery(visit):
    shown = visit("previews")
    rows = range(len(shown.gallery))

    async def explain(row: int) -> None:
        shown.page.receive(shown.page.cards, {"kind": "choose", "row": row}, [])
        await shown.page.look_for_parts()
        found = shown.page._explained.parts
        assert (found.query.row, found.kind) == (row, "original")
        assert (found.occlusion.untouched.packed == shown.gallery.packed[[row]]).all()

    shown.do(*(lambda row=row: explain(row) for row in rows))


def test_a_visitors_own_image_is_shown_and_explained_in_full(visit):
    shown = visit("bare")
    stream = io.BytesIO()
    shown.original(3).resize((640, 600)).save(stream, "PNG")
    page = shown.page
    page.dock.tab = "parts"
    shown.do(
        lambda: page.take_image(stream.getvalue(), "mine.png"),
        lambda: page.viewer.enlarge(-1),
        page.look_for_parts,
        lambda: page.viewer.take_part(-1, [0, 0, 0.5, 0.5]),
    )
    assert page.header.message == ""
    what, image = shown.last()
    assert what == "Your image, 640 x 600 pixels." and image.size == (640, 600)
    found = page._explained.parts
    assert (found.occlusion.untouched.packed == found.query.packed(shown.gallery)).all()
    assert found.kind == "upload"
    _, part = page._sharpest._file
    assert Image.open(io.BytesIO(part)).size == (320, 300)
    page.receive(page.cards, {"kind": "back"}, [])  # the file of the image itself is gone
    what, image = shown.enlarge(-1)
    assert what.startswith("A thumbnail of your image, 256 x 240 pixels") and image.width == 256


def test_the_process_that_reads_originals_is_confined(visit):
    shown, status = visit("previews"), []

    async def look() -> None:
        process = shown.page._sharpest.enlarger.worker.process
        status.append(Path(f"/proc/{process.pid}/status").read_text())

    shown.do(lambda: shown.page.viewer.enlarge(ROW), look)
    assert re.search(r"NoNewPrivs:\s+1", status[0]) and re.search(r"Seccomp:\s+2", status[0])
