"""The documentation builds without a warning, names everything public, and leads nowhere wrong."""

import ast
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).parents[2]
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


pytestmark = pytest.mark.slow
PAGES = ["*.md", "docs/**/*", "notebooks/*", "benchmarks/**/*", "deploy/**/*"]


@pytest.fixture(scope="session")
def site(made_once) -> Path:
    def make(folder: Path) -> None:
        words = ["--fail-on-warning", "--keep-going", "--quiet", "-c", "docs", ".", str(folder)]
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *words], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    return made_once("site", make, sources=PAGES)


class Page(HTMLParser):
    """What a page links to, and what can be linked to on it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file, self.links, self.names = file, set(), set()
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.names |= {found.get("id"), found.get("name")}
        self.links |= {found.get("href"), found.get("src")} - {None}


def public_names() -> set[str]:
    """Functions and classes of the library that do not begin with an underscore."""
    names = set()
    for file in (ROOT / "rsh").rglob("*.py"):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
                names.add(f"{module}.{node.name}")
    return names


def broken_links(site: Path) -> list[str]:
    pages = {file: Page(file) for file in site.rglob("*.html")}
    assert pages
    wrong = []
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if target == (site / "demo" / "index.html").resolve():
                continue  # `make docs` copies it from `make site`
            known = pages[target].names if target in pages else {None}
            fragment = unquote(parts.fragment) or None
            if not target.exists() or (fragment not in known and target in pages and fragment):
                wrong.append(f"{file.relative_to(site)}: {link}")
    return wrong


def test_the_site_documents_every_public_name_and_no_link_is_broken(site: Path) -> None:
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    known = {name for kind, found in inventory.items() if kind.startswith("py:") for name in found}
    assert public_names()
    assert public_names() <= known
    assert broken_links(site) == []
