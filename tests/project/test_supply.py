"""What is needed is pinned, under licenses that are known."""

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def is_installed(name: str) -> bool:
    """Say whether a package is here; some are for another system."""
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


@pytest.fixture
def licenses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import licenses

    yield licenses
    del sys.modules["licenses"]


@pytest.mark.slow
def test_every_package_that_rsh_needs_is_pinned(licenses):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {licenses.norm(line.split("==")[0]) for line in lines}
    needed = licenses.closure()
    assert {"torch", "voila", "faiss-cpu", "tornado", "certifi"} <= needed
    assert [name for name in needed - pins if is_installed(name)] == []


@pytest.mark.slow
def test_every_license_is_known_and_listed(licenses):
    stated = licenses.table()
    assert not [name for name, words in stated.items() if not licenses.kind(words)]
    page = (ROOT / "docs" / "licenses.md").read_text()
    assert set(stated) <= set(re.findall(r"^\| ([\w.-]+) \|", page, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("GPL-3.0-only", ""),
        ("GNU Affero General Public License v3", ""),
        ("", ""),
        ("BSD-3-Clause AND MPL-2.0", "weak copyleft"),
        ("MIT-CMU", "open"),
    ],
)
def test_a_license_is_taken_for_what_it_is(licenses, words, kind):
    assert licenses.kind(words) == kind


def test_ci_runs_with_no_more_rights_than_reading():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.search(r"^permissions:\n  contents: read\n", text, re.MULTILINE)
    assert "persist-credentials: false" in text and "secrets." not in text
