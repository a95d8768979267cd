"""Images of your own: encoded beside the kernel, and whatever is wrong with them is said."""

import asyncio
import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest
from in_loop import run
from PIL import Image
from refusals import refused
from tiers import SLOW

from rsh.encoding.build import build_gallery
from rsh.errors import InputError
from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState
from rsh.explorer.uploads import client
from rsh.explorer.uploads.client import MAX_BYTES, UploadEncoder
from rsh.gallery.gallery import Gallery
from rsh.models.onnx import FILE


@pytest.fixture(scope="module")
def gallery(tiny_run) -> Gallery:
    return Gallery.open(tiny_run.gallery)


def encode(gallery: Gallery, *files: tuple[str, bytes]) -> list:
    """What becomes of each file, in one process."""

    async def one_after_another() -> list:
        mine = UploadEncoder(gallery.folder, gallery.manifest.model.fingerprint)
        try:
            return [await one(mine, *file) for file in files]
        finally:
            await mine.close()

    async def one(mine: UploadEncoder, name: str, data: bytes):
        try:
            return await mine.encode(data, name)
        except InputError as error:
            return str(error)

    return run(one_after_another())


def saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 40,000 x 40,000 pixels."""
    good = bytearray(saved(Image.new("L", (8, 8)), "PNG"))
    good[16:24] = (40_000).to_bytes(4, "big") * 2
    return bytes(good)


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
GOOD = [("L", "PNG"), ("RGBA", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"), ("RGB", "WEBP")]


@pytest.fixture(scope="module")
def answers(gallery, tiny_run) -> dict:
    """What becomes of files of all sorts, one after another in one process."""
    tile = (tiny_run.data / gallery.items["id"][5]).read_bytes()
    files = {f"{mode}.{kind}": saved(Image.new(mode, (40, 30)), kind) for mode, kind in GOOD}
    files |= {
        "note.jpg": b"this is text",
        "drawing.svg": SVG,
        "half.jpg": tile[: len(tile) // 2],
        "empty.png": b"",
        "bomb.png": bomb(),
        "dot.png": saved(Image.new("RGB", (2, 2)), "PNG"),
        "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "large.jpg": b"x" * (MAX_BYTES + 1),
        "mine.jpg": tile,
    }
    return dict(zip(files, encode(gallery, *files.items()), strict=True))


def test_a_tile_of_the_gallery_gets_its_own_code(gallery, answers):
    image = answers["mine.jpg"]
    assert image.name == "mine.jpg"
    assert (image.encodings.packed == gallery.packed[[5]]).all()
    assert np.asarray(Image.open(io.BytesIO(image.thumbnail))).ndim == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("note.jpg", "is not an image that can be read: use JPEG, PNG"),
        ("drawing.svg", "is not an image"),
        ("half.jpg", "cannot be read"),
        ("empty.png", "is empty"),
        ("bomb.png", ""),
        ("dot.png", "is 2 x 2 pixels: need at least 8 a side"),
        ("page.eps", "is not an image"),
        ("large.jpg", "has 21 MB: at most 20 MB are accepted"),
    ],
)
def test_what_is_no_image_is_named(answers, name, reason):
    assert isinstance(answers[name], str) and answers[name].startswith(f"{name} {reason}")


@pytest.mark.parametrize("name", [f"{mode}.{kind}" for mode, kind in GOOD])
def test_any_usual_image_is_read(gallery, answers, name):
    assert answers[name].encodings.codes.shape == (1, gallery.num_bits)


def test_an_encoder_that_ends_is_said_and_started_again(gallery, tiny_run):
    good = (tiny_run.data / gallery.items["id"][0]).read_bytes()

    async def ended() -> None:
        mine = UploadEncoder(gallery.folder, gallery.manifest.model.fingerprint)
        await mine.encode(good, "first.jpg")
        process = psutil.Process(mine.worker.process.pid)
        process.suspend()
        late = asyncio.create_task(mine.encode(good, "second.jpg"))
        await asyncio.sleep(0.2)
        process.kill()
        with refused(names="second.jpg"):
            await late
        assert (await mine.encode(good, "third.jpg")).name == "third.jpg"
        await mine.close()

    run(ended())


def test_an_encoder_that_takes_too_long_is_ended(gallery, monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT", 0.01)
    (said,) = encode(gallery, ("slow.jpg", saved(Image.new("RGB", (40, 30)), "JPEG")))
    assert "slow.jpg could not be encoded" in said


def test_the_page_asks_with_the_newest_image_alone(gallery, tiny_run):
    explorer = Explorer(ExplorerState(gallery))
    first, second = ((tiny_run.data / gallery.items["id"][row]).read_bytes() for row in (3, 9))

    async def visit() -> None:
        works = (explorer.take_image(first, "3.jpg"), explorer.take_image(second, "9.jpg"))
        await asyncio.gather(*works)
        await explorer.take_image(b"text", "note.txt")
        await explorer._uploads.close()

    run(visit())
    assert explorer.header.message.startswith("note.txt is not an image")
    assert explorer.upload.working == ""
    assert explorer.state.query.row is None
    assert (explorer.state.query.image.encodings.packed == gallery.packed[[9]]).all()
    assert explorer.query.view["query"]["split"] == "your own image"
    assert {card["relevant"] for card in explorer.cards.view["cards"]} == {None}
    assert explorer.cards.view["summary"].startswith("Of the 20 tiles shown: ")
    assert "q=" not in explorer.header.address
    explorer.state.back()
    assert explorer.state.query.row is not None


def test_the_page_says_how_an_image_was_converted(gallery):
    explorer = Explorer(ExplorerState(gallery))
    deep = Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 9)

    async def visit() -> list[str]:
        told = []
        for name, data in (
            ("deep.tif", saved(deep, "TIFF")),
            ("plain.png", saved(Image.new("RGB", (32, 32), "green"), "PNG")),
            ("clear.png", saved(Image.new("RGBA", (32, 32), (9, 9, 9, 99)), "PNG")),
        ):
            await explorer.take_image(data, name)
            told.append(explorer.header.message)
        await explorer._uploads.close()
        return told

    deep_said, plain_said, clear_said = run(visit())
    assert deep_said.startswith("deep.tif holds uint16 values, not 8 bits: they were stretched")
    assert plain_said == ""
    assert clear_said == "clear.png is RGBA, not RGB: it was blended with black to RGB"


def test_an_image_that_is_ready_late_does_not_replace_a_later_choice(gallery, tiny_run):
    explorer = Explorer(ExplorerState(gallery))
    data = (tiny_run.data / gallery.items["id"][3]).read_bytes()

    async def visit() -> None:
        reading = asyncio.create_task(explorer.take_image(data, "3.jpg"))
        await asyncio.sleep(0)  # it has begun
        explorer.receive(explorer.controls, {"kind": "choose", "row": 7}, [])
        await reading
        await explorer._uploads.close()

    run(visit())
    assert explorer.state.query.row == 7
    assert explorer.header.message.startswith("3.jpg was ready after you chose another query")
    assert explorer.upload.working == ""


def test_images_leave_no_memory_behind(gallery):
    """Neither the page nor the encoder keeps what it was sent."""
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "PNG", compress_level=0)
    explorer = Explorer(ExplorerState(gallery))

    async def send(count: int) -> list[int]:
        for number in range(count):
            await explorer.take_image(bytes(bytearray(data)), f"{number}.png")  # a copy
            assert explorer.state.query.image.name == f"{number}.png"
        encoder = explorer._uploads.worker.process
        return [psutil.Process(pid).memory_info().rss for pid in (os.getpid(), encoder.pid)]

    async def visit() -> list[list[int]]:
        try:
            return [await send(8), await send(16)]
        finally:
            await explorer._uploads.close()

    before, after = run(visit())
    for first, last in zip(before, after, strict=True):
        assert last - first < 16 * len(data) / 4


@SLOW
def test_without_an_exported_encoder_torch_gives_the_same_code(tiny_run, tiny_split, net, tmp_path):
    folder = shutil.copytree(tiny_run.folder, tmp_path / "run")
    (folder / FILE).unlink()
    plain = build_gallery(net, tiny_split.dataset, tmp_path / "g", run=folder, progress=False)
    tile = (tiny_run.data / plain.items["id"][3]).read_bytes()
    (image,) = encode(plain, ("3.jpg", tile))
    assert (image.encodings.packed == plain.packed[[3]]).all()


def test_the_network_can_be_loaded_before_the_first_image_comes(gallery):
    async def prepared():
        mine = UploadEncoder(gallery.folder, gallery.manifest.model.fingerprint)
        try:
            await mine.prepare()
            ready = mine.worker.process.pid
            image = await mine.encode(saved(Image.new("RGB", (32, 32)), "PNG"), "mine.png")
            return ready, mine.worker.process.pid, image
        finally:
            await mine.close()

    ready, used, image = run(prepared())
    assert ready == used and image.name == "mine.png"


def ask_prepared(folder: Path, fingerprint: str, run_folder: str = "") -> None:
    """Prepare an encoder, then ask it with an image."""

    async def prepared() -> None:
        mine = UploadEncoder(folder, fingerprint, run=run_folder)
        try:
            await mine.prepare()
            await mine.encode(saved(Image.new("RGB", (32, 32)), "PNG"), "mine.png")
        finally:
            await mine.close()

    run(prepared())


def test_what_cannot_be_prepared_is_told_with_the_image(tmp_path):
    with refused(names="nowhere"):
        ask_prepared(tmp_path / "nowhere", "0")


def test_a_gallery_of_another_network_is_not_asked_in_silence(gallery):
    with refused(names="reload the page"):
        ask_prepared(gallery.folder, "fingerprint of a gallery that was here")


def test_the_process_of_the_encoder_is_confined(gallery):
    async def looked_at() -> str:
        mine = UploadEncoder(gallery.folder, gallery.manifest.model.fingerprint)
        try:
            await mine.prepare()
            return Path(f"/proc/{mine.worker.process.pid}/status").read_text()
        finally:
            await mine.close()

    status = run(looked_at())
    assert re.search(r"NoNewPrivs:\s+1", status) and re.search(r"Seccomp:\s+2", status)


def test_a_run_that_was_moved_encodes_from_its_new_place(tiny_run, tmp_path: Path):
    moved = tmp_path / "moved"
    shutil.copytree(tiny_run.gallery, tmp_path / "gallery")
    shutil.copytree(Gallery.open(tiny_run.gallery).manifest.model.run, moved)
    head = json.loads((tmp_path / "gallery" / "gallery.json").read_text())
    head["model"]["run"] = str(tmp_path / "gone")  # the checksum leaves it out
    (tmp_path / "gallery" / "gallery.json").write_text(json.dumps(head))
    fingerprint = head["model"]["fingerprint"]
    with refused(names=("is gone", "`rsh dashboard GALLERY --run RUN`")) as error:
        ask_prepared(tmp_path / "gallery", fingerprint)
    assert str(tmp_path) not in str(error.value)
    ask_prepared(tmp_path / "gallery", fingerprint, str(moved))
