"""The real notebooks run, on the real sample, and are stored without outputs beside their text."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from rsh.data.dataset import TileDataset

FOLDER = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(file for file in FOLDER.glob("*.ipynb") if file.stem != "dashboard")
LONGEST = 900  # seconds for a cell; the first fills the view bank
MOST_LINES = 80  # of code


@pytest.fixture(params=LESSONS, ids=lambda file: file.stem)
def lesson(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_lessons():
    names = ["01_tiles", "02_train", "03_hash_space", "04_retrieval", "05_contrastive_hashing"]
    names.append("06_compare")
    assert [file.stem for file in LESSONS] == names


def test_notebook_and_text_are_the_same(lesson: Path):
    text = jupytext.read(lesson.with_suffix(".py"))
    notebook = nbformat.read(lesson, as_version=4)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in text.cells
    ], f"run `jupytext --to ipynb {lesson.with_suffix('.py')}`"


def test_notebook_is_stored_without_outputs_and_is_short(lesson: Path):
    code = [cell for cell in nbformat.read(lesson, as_version=4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert sum(len(cell.source.splitlines()) for cell in code) <= MOST_LINES


def test_a_lesson_says_what_one_will_learn_and_ends_with_three_exercises(lesson: Path):
    cells = nbformat.read(lesson, as_version=4).cells
    assert cells[0].cell_type == "markdown" and "You will" in cells[0].source
    assert "## Exercises" in cells[-1].source
    answers = cells[-1].source.count("<details><summary>Answer</summary>")
    assert answers == cells[-1].source.count("</details>") == 3


def test_a_lesson_writes_out_a_function_and_checks_it_against_the_library(lesson: Path):
    code = [cell for cell in nbformat.read(lesson, as_version=4).cells if cell.cell_type == "code"]
    assert "def my_" in "\n".join(cell.source for cell in code) and "assert" in code[-1].source


@pytest.mark.notebooks
def test_notebook_runs_and_shows_images(
    lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # the sample's view bank takes minutes: it is kept between runs, in a folder of the project's
    monkeypatch.setenv("RSH_CACHE", str(FOLDER.parent / "build" / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS")  # it is the only one at work
    notebook = nbformat.read(lesson, as_version=4)
    client = NotebookClient(notebook, timeout=LONGEST, resources={"metadata": {"path": tmp_path}})
    client.execute()
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 3
    printed = "".join(output.get("text", "") for output in outputs)
    assert "Warning" not in printed


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


@pytest.mark.notebooks
def test_a_lesson_goes_on_with_a_messy_folder_and_says_what_it_left_out(tmp_path: Path):
    folder = messy_folder(tmp_path / "my tiles")
    notebook = nbformat.read(FOLDER / "02_train.ipynb", as_version=4)
    for cell in notebook.cells:
        source = cell.source.replace("TrainConfig(", "TrainConfig(epochs=8, ")
        cell.source = source.replace(
            'open("bluemarble")', f"open({str(folder)!r}, skip_unreadable=True)"
        )
    client = NotebookClient(notebook, timeout=LONGEST, resources={"metadata": {"path": tmp_path}})
    client.execute()
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs)
    assert "left out: coast/cut short.jpg" in said and "left out: coast/notes.png" in said
    assert "Thumbs.db" not in said
