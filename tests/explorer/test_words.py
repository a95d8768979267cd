"""Words as a query on the page, without their encoder: see tests/browser/test_words.py."""

import asyncio
from pathlib import Path

import pytest
from in_loop import run
from make_gallery import tiny_gallery

from rsh.errors import InputError
from rsh.explorer.address import read_address
from rsh.explorer.page import Explorer
from rsh.explorer.parts import words
from rsh.explorer.parts.words import WordsPart
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.search.query import Query


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("words") / "g", num_tiles=60)


@pytest.fixture
def page(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Explorer:
    """A page whose words have the code of a tile: "7" that of row 7."""
    monkeypatch.setattr(words, "takes_words", lambda *_: True)
    page = Explorer(ExplorerState(gallery))

    async def encode_text(text: str):
        await asyncio.sleep(0)
        if not text.strip():
            raise InputError("the text is empty")
        return gallery.encoded(int(text))

    monkeypatch.setattr(page._uploads, "encode_text", encode_text)
    return page


def part_of(page: Explorer) -> WordsPart:
    (part,) = (part for part in page.parts if isinstance(part, WordsPart))
    return part


def follow(page: Explorer, address: str) -> None:
    async def visit() -> None:
        page.receive(page.header, {"kind": "address", "text": address}, [])
        for _ in range(5):
            await asyncio.sleep(0)

    run(visit())


def test_words_take_the_place_of_an_image(page: Explorer, gallery: Gallery) -> None:
    run(part_of(page).take(" 7 "))
    view = page.query.view
    assert view["words"] and view["query"]["name"] == "7" and view["novelty"] == ""
    assert view["query"]["split"] == "your words"
    assert (page.state.query.packed(gallery) == gallery.packed[[7]]).all()
    assert page.cards.view["cards"][0]["distance"] == 0
    assert "text=7" in page.header.address and not page.export.own_image
    assert "words" in page.legend.note and page.upload.working == ""
    page.dock.tab = "compare"
    page.sides.chosen = "features"
    assert "not words" in page.sides.view["note"]
    run(page.look_for_parts())
    assert "no parts" in page.header.message
    page.receive(page.query, {"kind": "back"}, [])
    assert not page.query.view["words"]


def test_link_of_words_keeps_feedback_and_settings(page: Explorer, gallery: Gallery) -> None:
    run(part_of(page).take("7"))
    page.receive(page.cards, {"kind": "mark", "row": 3, "sign": "like"}, [])
    page.receive(page.cards, {"kind": "mark", "row": 5, "sign": "unlike"}, [])
    address = page.header.address
    rows = [card["row"] for card in page.cards.view["cards"]]
    page.move(20)
    follow(page, address)
    assert page.header.address == address and page.state.awaited is None
    assert page.state.query.is_text and page.state.query.positive == (3,)
    assert [card["row"] for card in page.cards.view["cards"]] == rows


def test_words_that_are_ready_late_do_not_replace_a_later_choice(page: Explorer) -> None:
    async def visit() -> None:
        reading = asyncio.create_task(part_of(page).take("7"))
        await asyncio.sleep(0)
        page.move(9)
        await reading

    run(visit())
    assert page.state.query.row == 9
    assert page.header.message.startswith("'7' was ready after you chose another query")


def test_words_that_cannot_be_encoded_are_named(page: Explorer) -> None:
    before = page.state.query
    run(part_of(page).take(" "))
    assert "text is empty" in page.header.message.lower()
    assert page.state.query == before and page.upload.working == ""


def test_page_without_a_text_tower_takes_no_words(gallery: Gallery) -> None:
    page = Explorer(ExplorerState(gallery))
    assert page.upload.about_words == "" and not page.state.takes_words
    before = page.state.query
    assert "text=7 (" in read_address("?text=7", page.state)
    assert page.state.query == before and page.state.awaited is None


def test_link_with_a_tile_and_words_names_what_is_left_out(
    page: Explorer, gallery: Gallery
) -> None:
    assert f"q={gallery.ids[2]} (" in read_address(f"?q={gallery.ids[2]}&text=7", page.state)
    assert isinstance(page.state.awaited, Query) and page.state.awaited.is_text


def test_kernel_reads_neither_torch_nor_open_clip(gallery: Gallery, tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from rsh.explorer.page import Explorer; from rsh.explorer.state import "
        "ExplorerState; from rsh.gallery.gallery import Gallery; "
        f"Explorer(ExplorerState(Gallery.open({str(gallery.folder)!r}))); "
        "print(sorted({'torch', 'open_clip', 'torchgeo', 'huggingface_hub', 'requests'} & "
        "set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
