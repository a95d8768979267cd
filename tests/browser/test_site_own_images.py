"""A visitor searches a site with an own image, which never leaves the browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.test_site import cards, other_cards, tab, wait_for_heading
from conftest import TinyRun
from static_host import hosting

from rsh.data.images import read_image
from rsh.explorer.site.build import build_site
from rsh.gallery.gallery import Gallery
from rsh.models.onnx import FILE, OnnxEncoder

__all__ = ["tab"]
pytestmark = pytest.mark.browser
RUNTIME = Path(__file__).parents[2] / "node_modules" / "onnxruntime-web"
INPUT = ".rsh-upload input[type=file]"
OWN = '.rsh-query[data-row="-1"]'
FILES = ("/some/where/data/encoder.onnx", "/some/where/data/runtime.bin")


@pytest.fixture(scope="module")
def gallery(tiny_run: TinyRun) -> Gallery:
    return Gallery.open(tiny_run.gallery)


@pytest.fixture(scope="module")
def folder(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("host")
    build_site(gallery, place / "some" / "where", own_images=True, runtime=RUNTIME)
    return place


@pytest.fixture
def image(gallery: Gallery, tiny_run: TinyRun, tmp_path: Path) -> Path:
    """Copy a tile to a file of a visitor."""
    mine = tmp_path / "mine.jpg"
    shutil.copy(tiny_run.data / gallery.items["id"][5], mine)
    return mine


def test_a_visitor_searches_with_an_own_image(
    folder: Path, tab: Any, image: Path, gallery: Gallery, tiny_run: TinyRun
) -> None:
    with hosting(folder, ranges=False, caching=True) as (url, asked):
        tab.goto(f"{url}/some/where/")
        first = cards(tab)
        about = tab.get_by_text("Images never leave your browser").inner_text()
        size = sum((folder / path[1:]).stat().st_size for path in FILES)
        assert f"loads {-(-size // 10**6)}\u00a0MB, once" in about
        assert not set(FILES) & set(asked)
        tab.set_input_files(INPUT, image)
        tab.locator(OWN).wait_for()
        found = other_cards(tab, first)
        assert set(FILES) <= set(asked)
        encoder = OnnxEncoder(tiny_run.folder / FILE)
        code = encoder.encode([read_image(image)]).codes[0]
        far = (gallery.codes != code).sum(axis=1)
        nearest = np.sort(far[gallery.searchable])[: len(found)]
        assert far[list(map(int, found))].tolist() == nearest.tolist()
        assert "q=" not in tab.evaluate("location.search")
        assert "Your image has no dot." in tab.inner_text("body") or not gallery.planes
        feedback(tab)
        tab.get_by_role("button", name="Clear feedback").click()
        tab.get_by_text("Radius", exact=True).click()
        wait_for_heading(tab, "within")
        assert exported(tab)["query"] == {"id": "mine.jpg"}
        tab.reload()
        cards(tab)
        assert tab.locator(OWN).count() == 0
        asked.clear()
        tab.set_input_files(INPUT, image)
        tab.locator(OWN).wait_for()
        assert not set(FILES) & {path.split()[0] for path in asked}  # the browser has kept them
    tab.get_by_role("button", name="Back").click()  # the host is gone
    tab.locator(OWN).wait_for(state="detached")
    tab.set_input_files(INPUT, image)
    tab.locator(OWN).wait_for()
    assert tab.said == []


def test_a_visitor_searches_in_lists_with_an_own_image(
    gallery: Gallery, tab: Any, image: Path, tiny_run: TinyRun, tmp_path: Path
) -> None:
    build_site(gallery, tmp_path / "s", own_images=True, runtime=RUNTIME, exact_up_to=10)
    with hosting(tmp_path / "s") as (url, _):
        tab.goto(url)
        first = cards(tab)
        tab.set_input_files(INPUT, image)
        tab.locator(OWN).wait_for()
        found = list(map(int, other_cards(tab, first)))
        code = OnnxEncoder(tiny_run.folder / FILE).encode([read_image(image)]).codes[0]
        far = (gallery.codes[found] != code).sum(axis=1)
        assert found and far.tolist() == sorted(far) and not gallery.is_held_out[found].any()
        tab.get_by_text("a search with your own image was not measured").wait_for()
        tab.get_by_role("button", name="Codes", exact=True).click()
        tab.get_by_text("tiles searched").first.wait_for()
        feedback(tab)
        tab.get_by_text("a search with feedback was not measured").wait_for()
        assert exported(tab)["query"] == {"id": "mine.jpg"}
        tab.get_by_text("Random", exact=True).click()
        tab.locator(OWN).wait_for(state="detached")
    assert tab.said == []


def feedback(page: Any) -> None:
    page.locator(".rsh-cards > li").nth(2).hover()
    page.get_by_role("button", name="More tiles like this").nth(2).click()
    wait_for_heading(page, "most similar to your feedback")
    assert page.locator(OWN).count() == 1


def exported(page: Any) -> dict[str, Any]:
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").first.click()
    return json.loads(Path(download.value.path()).read_text())


def test_a_visitor_searches_with_a_part_of_an_image(folder: Path, tab: Any, image: Path) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        tab.set_input_files(INPUT, image)
        tab.locator(OWN).wait_for()
        for name in ("mine.jpg", "part of mine.jpg"):
            tab.locator(".rsh-query-open").click()
            tab.get_by_text("Your image, ").wait_for()
            tab.get_by_role("button", name="Choose a part").click()
            tab.get_by_role("button", name="Search with this part").click()
            tab.locator(f".rsh-query :text-is('part of {name}')").wait_for()
            tab.locator("dialog[open]").wait_for(state="detached")
    assert tab.said == []


def test_what_is_no_image_is_refused_and_the_page_goes_on(
    folder: Path, tab: Any, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "note.jpg").write_text("this is text")
    (tmp_path / "huge.jpg").write_bytes(bytes(60 << 20))
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        for name, told in (("note.jpg", "note.jpg is not an image"), ("huge.jpg", "60 MB")):
            tab.set_input_files(INPUT, tmp_path / name)
            tab.locator(".rsh-alert", has_text=told).wait_for()
            assert not tab.locator(".rsh-waiting:visible").count()
        tab.set_input_files(INPUT, image)
        tab.locator(OWN).wait_for()
    assert tab.said == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("encoder.onnx", "data/encoder.onnx was altered"),
        ("runtime.bin", "data/runtime.bin is missing"),
        ("runtime.js", "data/runtime.js cannot be loaded"),
    ],
)
def test_harmed_files_of_the_encoder_are_named(
    folder: Path, tmp_path: Path, tab: Any, image: Path, name: str, told: str
) -> None:
    site = shutil.copytree(folder / "some" / "where", tmp_path / "site")
    file = site / "data" / name
    content = file.read_bytes()
    file.unlink()
    if name == "encoder.onnx":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with hosting(site) as (url, _):
        tab.goto(url)
        cards(tab)
        tab.set_input_files(INPUT, image)
        tab.locator(".rsh-alert", has_text=told).wait_for()
        file.write_bytes(content)  # and another try finds it
        if name != "runtime.js":  # a browser does not load a script again that it did not find
            tab.set_input_files(INPUT, image)
            tab.locator(OWN).wait_for()


@pytest.fixture
def old_tab(tab: Any) -> Iterator[Any]:
    """Open a tab whose browser knows no vectors in WebAssembly."""

    def alter(route: Any) -> None:
        text = route.fetch().text()
        route.fulfill(
            body=f"WebAssembly.validate = () => false;\n{text}", content_type="text/javascript"
        )

    tab.context.route("**/worker.js", alter)
    yield tab


def test_an_old_browser_is_told_what_it_lacks(folder: Path, old_tab: Any, image: Path) -> None:
    with hosting(folder) as (url, asked):
        old_tab.goto(f"{url}/some/where/")
        cards(old_tab)
        told = "This browser lacks WebAssembly with SIMD, which your own images need"
        assert told in old_tab.locator(".rsh-upload").inner_text()
        old_tab.set_input_files(INPUT, image)
        old_tab.locator(".rsh-alert", has_text=told).wait_for()
        assert not set(FILES) & set(asked)
    assert old_tab.said == []
