import re
import subprocess
import sys
from pathlib import Path

import pytest

from rsh.data.dataset import TileDataset

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "data" / "README.md",
]


def test_sample_is_described_as_it_is() -> None:
    dataset = TileDataset.open("bluemarble")
    assert f"{len(dataset):,} tiles of NASA's Blue Marble, {len(dataset.classes)} classes" in README


@pytest.mark.parametrize(
    ("page", "script", "least"),
    [
        ("benchmarks/README.md", ["ablation.py", "--only", "table"], 11),
        ("benchmarks/README.md", ["methods_table.py"], 11),
        ("benchmarks/README.md", ["feedback.py", "--table"], 11),
        ("benchmarks/README.md", ["page_tables.py"], 11),
        ("docs/reliability.md", ["mutation.py", "--table"], 8),
        ("docs/hostile.md", ["fuzz.py", "--tables"], 11),
    ],
)
def test_tables_are_those_the_benchmark_prints(page: str, script: list[str], least: int) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script[0], *script[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    text = (ROOT / page).read_text()
    mark = re.escape(f"<!-- tables: made by benchmarks/{script[0]} -->\n")
    shown = re.search(mark + r"(.*?)<!-- end of tables -->", text, re.DOTALL)
    assert shown
    printed = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert printed == [line for line in shown[1].splitlines() if line.startswith("|")]
    assert len(printed) >= least


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    inside = [link for link in links if "://" not in link]
    assert not [link for link in inside if not (page.parent / link).exists()]


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
