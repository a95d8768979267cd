"""Near duplicates on the page: the command runs in a process of its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from in_loop import run
from make_gallery import tiny_gallery

from rsh.analysis.leaks import find_leaks
from rsh.config import default_radius
from rsh.errors import InputError
from rsh.explorer.jobs import Job
from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState

FOUND = {
    "groups": [
        {
            "splits": {"train": 1, "query": 1},
            "classes": {"coast": 1, "desert": 1},
            "is_chain": False,
            "tiles": [],
        }
    ],
    "num_pairs": 1,
    "num_tiles": 2,
    "num_removable": 1,
    "check": "pixels",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    gallery = tiny_gallery(tmp_path_factory.mktemp("twins") / "g", num_tiles=60)
    return Explorer(ExplorerState(gallery))


def with_found(page: Explorer) -> list[str]:
    """Show two tiles as one group; return their ids."""
    ids = page.state.gallery.items["id"].iloc[[3, 17]].tolist()
    group: dict[str, Any] = FOUND["groups"][0]
    group["tiles"] = [
        {"id": tile, "distance": place, "keep": place == 0} for place, tile in enumerate(ids)
    ]
    page.duplicates._found = FOUND
    page.duplicates.open()
    return ids


def test_nothing_found_is_said_in_plain_words(page):
    page.duplicates._found = FOUND | {"groups": [], "num_tiles": 0, "num_removable": 0}
    page.duplicates.open()
    assert page.duplicates.strips.view["note"].startswith("No near duplicates")


def test_what_was_found_is_shown_and_can_be_selected(page):
    with_found(page)
    view = page.duplicates.strips.view
    assert view["note"].startswith("1 group with 2 tiles, of which 1 can be removed")
    (strip,) = view["strips"]
    assert [card["row"] for card in strip["cards"]] == [3, 17]
    assert "different classes: coast, desert" in strip["words"]
    for what, rows in {"select": [3, 17], "select others": [17], "select removable": [17]}.items():
        page.receive(page.duplicates.strips, {"kind": "duplicates", "do": what, "key": "0"}, [])
        assert page.state.selection.tolist() == rows


def test_what_was_not_checked_is_called_no_duplicate(page):
    with_found(page)
    page.duplicates._found = json.loads(json.dumps(FOUND | {"check": "none"}))
    page.duplicates._found["groups"][0]["is_chain"] = True
    page.duplicates.open()
    view = page.duplicates.strips.view
    assert view["note"].startswith("1 group with 2 tiles, whose codes alone were compared")
    assert "removed" not in view["note"]
    (strip,) = view["strips"]
    assert "a chain: its ends differ more than a pair may" in strip["words"]
    assert [card["far"] for card in strip["cards"]] == ["0 bits", "1 bit"]


def test_given_classes_are_shown_as_they_change(page):
    with_found(page)
    page.dock.tab = "duplicates"

    def shown() -> list[str]:
        return [card["given"] for card in page.duplicates.strips.view["strips"][0]["cards"]]

    assert shown() == ["", ""]
    page.receive(page.labels.tray, {"kind": "label", "do": "give", "name": "lake", "row": 17}, [])
    assert shown() == ["", "lake"]
    page.receive(page.labels.tray, {"kind": "label", "do": "undo"}, [])
    assert shown() == ["", ""]


def test_queries_alone_are_called_held_out(page):
    found = find_leaks(page.state.gallery, radius=32, check="none", progress=False).to_dict()
    queries, others = (found["splits"][split]["leaks"] for split in ("query", "val"))
    assert queries == page.state.gallery.num_held_out > 0 and others > 0
    page.duplicates._found = found
    page.duplicates.open()
    note = page.duplicates.strips.view["note"]
    assert f"{queries} held-out tiles with" in note and f"{others} validation tiles with" in note


def test_a_key_that_is_none_selects_nothing(page):
    with_found(page)
    for key in ("7", "-1", "x", "", "²"):
        page.receive(page.duplicates.strips, {"kind": "duplicates", "do": "select", "key": key}, [])
        assert page.state.selection.tolist() == []


@pytest.mark.parametrize("num_bits", [8, 16, 32, 64, 80, 96, 112, 144, 256])
def test_the_default_is_among_the_options(tmp_path: Path, num_bits: int):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=20, num_bits=num_bits, projection=False)
    page = Explorer(ExplorerState(gallery))
    page.duplicates.open()
    radius, check = page.duplicates.strips.view["choices"]
    assert radius["chosen"] == str(default_radius(num_bits))
    for choice in (radius, check):
        values = [value for value, _ in choice["options"]]
        assert choice["chosen"] in values
        assert len(set(values)) == len(values)
    assert [int(value) for value, _ in radius["options"]] == sorted(
        int(value) for value, _ in radius["options"]
    )


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({"radius": "1", "check": "none"}, ("1", "none")),
        ({"radius": "", "check": "none"}, ("2", "none")),
        ({"radius": "1", "check": "luck"}, ("1", "pixels")),
        ({"radius": "99", "check": ""}, ("2", "pixels")),
        ({}, ("2", "pixels")),
    ],
)
def test_each_choice_counts_by_itself(tmp_path, monkeypatch, chosen: dict, kept: tuple):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=20, num_bits=32, projection=False)
    asked: list[list[str]] = []

    async def run_command(job: Job, words: list[str], **options: Any) -> bytes:
        asked.append(words)
        return json.dumps(FOUND).encode()

    monkeypatch.setattr(Job, "run", run_command)
    page = Explorer(ExplorerState(gallery))

    async def look() -> None:
        content = {"kind": "duplicates", "do": "duplicates", "chosen": chosen}
        page.receive(page.duplicates.strips, content, [])
        while not asked:
            await asyncio.sleep(0)

    run(look())
    (words,) = asked
    assert (words[words.index("--radius") + 1], words[words.index("--check") + 1]) == kept


@pytest.mark.slow
@pytest.mark.parametrize("what", ["duplicates", "leaks"])
def test_the_command_answers_the_page(tmp_path, what):
    page = Explorer(ExplorerState(tiny_gallery(tmp_path / "g", num_tiles=60)))

    async def look() -> None:
        task = asyncio.create_task(page.duplicates._look(what))
        await asyncio.sleep(0)
        assert page.duplicates.strips.view["actions"] == [["cancel", "Cancel"]]
        await task

    run(look())
    assert page.header.message == ""
    assert what.replace("duplicates", "groups") in page.duplicates._found
    assert page.duplicates.strips.working == ""


def test_a_job_returns_what_the_command_prints_and_says_what_it_refuses(tmp_path: Path):
    heard: list[str] = []

    async def work() -> bytes:
        job = Job()
        output = await job.run(["--help"])
        with pytest.raises(InputError, match=r"holds no gallery|no gallery"):
            await job.run(["gallery", "info", str(tmp_path)], hear=heard.append)
        assert not job.is_running
        return output

    assert b"usage: rsh COMMAND" in run(work())
    assert heard


def test_a_job_that_is_canceled_ends_its_process():
    async def work() -> None:
        job = Job()
        task = asyncio.create_task(job.run(["gallery", "info", "nowhere"]))
        while not job.is_running:
            await asyncio.sleep(0.01)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not job.is_running

    run(work())


def test_a_job_that_is_canceled_before_its_process_exists_ends_it_too():
    async def work() -> None:
        job = Job()
        task = asyncio.create_task(job.run(["gallery", "info", "nowhere"]))
        await asyncio.sleep(0)  # the process is being made
        assert job.is_running
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not job.is_running

    run(work())
