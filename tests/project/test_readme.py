import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiers import RELEASE

from benchmarks.common.markdown import PAGES as TABLE_PAGES
from benchmarks.common.markdown import TABLES, printed_by
from rsh.data.tiles import TileDataset

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    ROOT / "robustness" / "README.md",
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "data" / "README.md",
]


def test_sample_is_described_as_it_is() -> None:
    dataset = TileDataset.open("bluemarble")
    assert f"{len(dataset):,} tiles of NASA's Blue Marble, {len(dataset.classes)} classes" in README


SHOWN = [found for page in TABLE_PAGES for found in TABLES.findall(page.read_text())]


@RELEASE
@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_table_script_prints_as_many_rows_as_the_page_shows(command: str, shown: str) -> None:
    rows = [
        sum(line.startswith("|") for line in text.splitlines())
        for text in (printed_by(command), shown)
    ]
    assert rows[0] == rows[1] > 2


def test_every_table_script_has_a_page() -> None:
    assert len(SHOWN) == 29


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    inside = [link for link in links if "://" not in link]
    assert not [link for link in inside if not (page.parent / link).exists()]


@pytest.mark.slow
def test_python_lines_run(tmp_path: Path, tiny_data: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    small = (
        code.replace('"bluemarble"', repr(str(tiny_data)))
        .replace("split(seed=0)", "split(query=0.25, val=0.25)")
        .replace("num_bits=32", "num_bits=32, image_size=32")
        .replace("epochs=30", "epochs=2")
    )
    done = subprocess.run(
        [sys.executable, "-c", small], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout.splitlines()[-1]) <= 1
