"""The real notebooks run, on the real sample, and are stored without outputs beside their text."""

from collections.abc import Iterator
from pathlib import Path

import jupytext
import make_tutorials
import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from tiers import RELEASE

from rsh.data.tiles import TileDataset

FOLDER = Path(__file__).parents[2] / "notebooks"
TUTORIALS = sorted(file for file in FOLDER.glob("*.ipynb") if file.stem != "dashboard")
LONGEST = 900  # seconds for a cell; the first fills the view cached
# Two tutorials that run side by side need the same features; one computes them.
WAITING = "RshWarning: another process computes the cached features: waiting for it"
SIZES = ["small", pytest.param("full", marks=RELEASE)]


@pytest.fixture(params=TUTORIALS, ids=lambda file: file.stem)
def tutorial(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_tutorials():
    names = ["01_tiles", "02_train", "03_hash_space", "04_retrieval", "05_contrastive_hashing"]
    names.append("06_compare")
    assert [file.stem for file in TUTORIALS] == names


def test_notebook_and_text_are_the_same(tutorial: Path):
    text = jupytext.read(tutorial.with_suffix(".py"))
    notebook = nbformat.read(tutorial, as_version=4)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in text.cells
    ], f"run `jupytext --to ipynb {tutorial.with_suffix('.py')}`"


def test_notebook_is_stored_without_outputs(tutorial: Path):
    code = [
        cell for cell in nbformat.read(tutorial, as_version=4).cells if cell.cell_type == "code"
    ]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_every_answer_of_the_exercises_is_closed(tutorial: Path):
    text = nbformat.read(tutorial, as_version=4).cells[-1].source
    answers = text.count("<details><summary>Answer</summary>")
    assert answers == text.count("</details>") > 0


def run(
    notebook: nbformat.NotebookNode, folder: Path, kernel: KernelManager | None = None
) -> list[dict]:
    """Run a notebook in a folder, in a new kernel unless one is given; return its outputs."""
    place = {"metadata": {"path": folder}}
    if kernel:
        start = f"%reset -f\nimport os\nos.chdir({str(folder)!r})"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(start))
    NotebookClient(notebook, timeout=LONGEST, resources=place, km=kernel).execute()
    return [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    """A kernel that runs all small tutorials: to import torch takes longer than most of them."""
    manager = AsyncKernelManager()
    run_sync(manager.start_kernel)()
    yield manager
    run_sync(manager.shutdown_kernel)(now=True)


@pytest.mark.parametrize("size", SIZES)
def test_notebook_runs_and_shows_images(
    tutorial: Path,
    size: str,
    small_sample: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
):
    notebook = nbformat.read(tutorial, as_version=4)
    if size == "small":
        make_tutorials.make_small(notebook, small_sample)
        outputs = run(notebook, tmp_path, request.getfixturevalue("kernel"))
    else:  # the sample's cached views take minutes: they are kept between runs
        monkeypatch.setenv("RSH_CACHE", str(FOLDER.parent / "build" / "cache"))
        outputs = run(notebook, tmp_path)
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 3
    printed = "".join(output.get("text", "") for output in outputs)
    assert "Warning" not in printed.replace(WAITING, "")


def messy_folder(folder: Path) -> Path:
    """Tiles as people have them: odd names, nested, many sizes and kinds, two of them damaged."""
    sample = TileDataset.open("bluemarble")
    for name in ("coast", "Wald & Wiese (neu)", "\N{CJK UNIFIED IDEOGRAPH-6797}"):
        known = "coast" if name == "coast" else "boreal_forest" if "W" in name else "barren"
        rows = (sample.items["class"] == known).to_numpy().nonzero()[0][:16]
        for number, row in enumerate(rows):
            place = folder / name / ("" if number % 3 else f"flight {number}/run")
            place.mkdir(parents=True, exist_ok=True)
            image = sample.read(row).resize((40 + 9 * number, 90 - 3 * number))
            kind = ("JPG", "png", "tif", "webp")[number % 4]
            image.convert("L" if number == 5 else "RGB").save(place / f"a tile, #{number}.{kind}")
    (folder / "coast" / "cut short.jpg").write_bytes(sample.read_bytes(0)[:900])
    (folder / "coast" / "notes.png").write_text("no image")
    (folder / "coast" / "Thumbs.db").write_bytes(b"not looked at")
    return folder


@RELEASE
def test_a_tutorial_goes_on_with_a_messy_folder_and_says_what_it_left_out(tmp_path: Path):
    folder = messy_folder(tmp_path / "my tiles")
    notebook = nbformat.read(FOLDER / "02_train.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            'open("bluemarble")', f"open({str(folder)!r}, skip_unreadable=True)"
        )
    outputs = run(make_tutorials.make_small(notebook, folder), tmp_path)
    said = "".join(output.get("text", "") for output in outputs)
    assert "left out: coast/cut short.jpg" in said and "left out: coast/notes.png" in said
    assert "Thumbs.db" not in said
