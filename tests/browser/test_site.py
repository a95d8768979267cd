"""A site in a real browser: only static files, below any path."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from make_gallery import tiny_gallery
from PIL import Image
from static_host import hosting

from rsh.explorer.site.build import build_site

pytestmark = pytest.mark.browser
CHECKSUMS = "data/tiles-checksums-0.json"  # read with the results, which are in one pack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("host")
    gallery = tiny_gallery(place / "g", num_tiles=120, num_bits=32)
    build_site(gallery, place / "www" / "some" / "where")
    return place / "www"


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """Open a tab; whatever it complains about fails the test that does not expect it."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
    said: list[str] = []
    page.on(
        "console", lambda message: said.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    page.said = said
    yield page
    context.close()


def cards(page: Any) -> list[str]:
    page.wait_for_selector(".rsh-cards .rsh-card")
    return page.locator(".rsh-cards .rsh-card").evaluate_all(
        "all => all.map((each) => each.dataset.row)"
    )


def other_cards(page: Any, before: list[str]) -> list[str]:
    """Return the cards once they are others: the query's images may be drawn before theirs."""
    for _ in range(200):
        if (now := cards(page)) != before:
            return now
        page.wait_for_timeout(25)
    raise AssertionError(f"the cards are still {before}")


def wait_for_heading(page: Any, text: str) -> None:
    page.locator(".rsh-results .rsh-heading", has_text=text).wait_for()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_visitor_searches_without_a_server(folder: Path, tab: Any, ranges: bool) -> None:
    with hosting(folder, ranges=ranges) as (url, asked):
        tab.goto(f"{url}/some/where/")
        first = cards(tab)
        assert len(first) == 20
        tab.locator(".rsh-cards .rsh-card").nth(3).click()
        second = other_cards(tab, first)
        tab.get_by_role("button", name="Back").click()
        assert other_cards(tab, second) == first
        tab.locator(".rsh-cards > li").nth(2).hover()
        tab.get_by_role("button", name="More tiles like this").nth(2).click()
        wait_for_heading(tab, "most similar to your feedback")
        assert all(path.startswith("/some/where/") for path in asked)
    assert tab.said == []


def test_a_site_goes_on_offline_with_what_it_has_read(folder: Path, tab: Any) -> None:
    with hosting(folder, ranges=False) as (url, _):  # files are read as a whole
        tab.goto(f"{url}/some/where/")
        cards(tab)
    tab.get_by_text("Radius", exact=True).click()
    wait_for_heading(tab, "within")
    assert tab.said == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda site: (site / "data" / "codes.bin").unlink(), "data/codes.bin is missing"),
        (lambda site: cut(site / "data" / "labels.bin"), "data/labels.bin is cut"),
        (lambda site: alter(site / "data" / "splits.bin"), "data/splits.bin was altered"),
        (lambda site: alter(site / "data" / "tiles-0.bin"), "data/tiles-0.bin was altered"),
        (lambda site: alter(site / CHECKSUMS), f"{CHECKSUMS} was altered"),
        (lambda site: (site / CHECKSUMS).unlink(), f"{CHECKSUMS} is missing"),
        (lambda site: (site / "site.json").write_text('{"format": 9}'), "site.json has format 9"),
        (lambda site: (site / "site.json").write_text("<html>"), "site.json was altered"),
        (lambda site: (site / "site.json").unlink(), "site.json is missing"),
    ],
)
def test_harmed_files_are_named(
    folder: Path, tmp_path: Path, tab: Any, harm: Callable[[Path], object], told: str
) -> None:
    shutil.copytree(folder / "some" / "where", tmp_path / "site")
    harm(tmp_path / "site")
    with hosting(tmp_path / "site") as (url, _):
        tab.goto(url)
        tab.get_by_role("alert").filter(has_text=told).wait_for()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def alter(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(bytes([content[0] ^ 1]) + content[1:])


@pytest.mark.parametrize(
    "lacking",
    [
        "CSS.supports = (words) => !words.includes('has')",
        "CSS.supports = (words) => words !== 'color'",
        "delete Array.prototype.toSorted",
        "delete window.OffscreenCanvas",
        "delete window.CSS",
    ],
)
def test_an_old_browser_says_which_are_new_enough(folder: Path, tab: Any, lacking: str) -> None:
    tab.add_init_script(lacking)
    with hosting(folder / "some" / "where") as (url, asked):
        tab.goto(url)
        tab.get_by_role("alert").filter(has_text="This page needs a newer browser").wait_for()
        tab.wait_for_timeout(300)
        assert not [path for path in asked if "worker" in path or "data" in path]
    assert tab.said == []


def test_a_folder_that_is_opened_without_a_host_says_so(folder: Path, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((folder / "some" / "where" / "index.html").as_uri())
    page.get_by_role("alert").filter(has_text="open this folder through a web host").wait_for()
    page.close()


@pytest.mark.parametrize("name", ["rsh.js", "worker.js"])
def test_a_missing_script_is_named(folder: Path, tmp_path: Path, tab: Any, name: str) -> None:
    shutil.copytree(folder / "some" / "where", tmp_path / "site")
    (tmp_path / "site" / name).unlink()
    with hosting(tmp_path / "site") as (url, _):
        tab.goto(url)
        tab.get_by_role("alert").filter(has_text=f"{name} cannot be loaded: reload").wait_for()


def test_the_browser_goes_back_to_the_query_before(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        first = cards(tab)
        assert tab.title().endswith(" · rsh")
        tab.locator(".rsh-cards .rsh-card").nth(3).click()
        other_cards(tab, first)
        tab.get_by_text("Radius", exact=True).click()
        wait_for_heading(tab, "within")
        within = cards(tab)
        tab.go_back()
        assert other_cards(tab, within) == first, "one step, whatever else has changed since"
        tab.go_forward()
        assert other_cards(tab, first) == within
    assert tab.said == []


def test_the_address_is_that_of_what_is_shown(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        first = cards(tab)
        tab.locator(".rsh-cards .rsh-card").nth(3).click()
        other_cards(tab, first)
        tab.wait_for_url("**?q=**")
        shown = tab.url
        tab.evaluate("history.pushState(null, '', '?k=20')")  # as that of an own image
        tab.go_back()
        tab.go_forward()
        tab.wait_for_url(lambda address: address == shown)
    assert tab.said == []


def test_a_link_opens_what_was_shown(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        tab.locator(".rsh-cards .rsh-card").nth(3).click()
        tab.get_by_role("button", name="Back").and_(tab.locator(":enabled")).wait_for()
        tab.get_by_text("Filters", exact=True).click()
        tab.get_by_label("Filter by").select_option("split")
        tab.get_by_label("Value").first.select_option("train")
        tab.get_by_role("button", name="Add").click()
        wait_for_heading(tab, "with split=train")
        tab.get_by_text("Radius", exact=True).click()
        wait_for_heading(tab, "within")
        tab.wait_for_url("**r=2*")
        assert "&where=split=train" in tab.evaluate("location.search")
        shown = cards(tab)
        tab.reload()
        assert cards(tab) == shown
        tab.goto(f"{url}/some/where/?q=gone.jpg&k=7&where=split=val")
        told = "this was left out of the link: q=gone.jpg (this gallery holds no such tile)"
        tab.get_by_text(told).wait_for()
        wait_for_heading(tab, "The 7 nearest tiles with split=val")
    assert tab.said == []


def test_a_tile_is_found_by_a_part_of_its_name(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        first = cards(tab)
        field = tab.get_by_label("Go to tile")
        field.fill(".JPG")
        tab.locator("datalist option").nth(11).wait_for(state="attached")
        field.fill("TUNDRA/")
        field.press("Enter")
        tab.get_by_text("ids contain it; this is the first.").wait_for()
        other_cards(tab, first)
        assert "q=tundra/" in tab.evaluate("location.search")
        field.fill("no such tile")
        field.press("Enter")
        told = "no tile's name holds 'no such tile': try a part of it"
        tab.get_by_text(told).wait_for()
        assert tab.get_by_text("published without its network").is_visible()
    assert tab.said == []


def test_a_tile_is_enlarged_over_a_map_of_the_earth(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, asked):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        tab.get_by_role("button", name="World", exact=True).click()
        tab.locator(".rsh-cards > li").nth(2).hover()
        tab.get_by_role("button", name="Enlarge").nth(3).click()  # the first one is the query's
        dialog = tab.get_by_role("dialog")
        dialog.get_by_text("The stored thumbnail, 112 x 112 pixels").wait_for()
        assert dialog.locator("img").evaluate("image => image.naturalWidth") == 112
        assert dialog.locator("dd").count() >= 4
        tile = dialog.locator("dd").first.inner_text().strip()
        dialog.get_by_role("button", name="Search with this tile").click()
        tab.wait_for_url(f"**?q={tile}&k=20")
        tab.get_by_role("button", name="Back").and_(tab.locator(":enabled")).wait_for()
        assert "/some/where/data/earth.jpg" in asked


def give(page: Any, place: int, key: str) -> None:
    page.locator(".rsh-cards .rsh-card").nth(place).focus()
    page.keyboard.press(key)
    page.locator(".rsh-results .rsh-card").nth(place).locator(".rsh-given").wait_for()


def labels_note(page: Any) -> Any:
    return page.locator(".rsh-labels-side .rsh-note").first


def test_labels_stay_in_the_browser(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        give(tab, 0, "2")
        give(tab, 1, "2")
        tab.get_by_text("2 labels given").wait_for()
        tab.keyboard.press("Control+z")
        tab.get_by_text("1 label given").wait_for()
        tab.reload()
        tab.get_by_text("1 label given").wait_for()
        assert tab.locator(".rsh-results .rsh-given").count() == 1
        tab.get_by_role("button", name="Labels", exact=True).click()
        assert "kept in this browser alone" in labels_note(tab).inner_text()
        forms = tab.get_by_role("group", name="Labels and sets as files").get_by_role("button")
        assert forms.all_inner_texts() == ["CSV", "GeoJSON", "Import…", "Undo"]
        with tab.expect_download() as saved:
            forms.first.click()
        assert saved.value.suggested_filename == "labels.csv"
        tab.get_by_label("Color by").select_option("given")
        tab.get_by_text("none given").first.wait_for()
    assert tab.said == []


@pytest.mark.parametrize(
    "fault",
    [
        "Storage.prototype.setItem = () => "
        "{ throw new DOMException('full', 'QuotaExceededError') }",
        "Object.defineProperty(window, 'localStorage', "
        "{ get: () => { throw new DOMException('forbidden', 'SecurityError') } })",
    ],
)
def test_what_cannot_be_kept_is_said(folder: Path, chromium: Any, fault: str) -> None:
    page = chromium.new_page()
    page.add_init_script(fault)
    with hosting(folder) as (url, _):
        page.goto(f"{url}/some/where/")
        cards(page)
        page.keyboard.press("Escape")  # the tour
        give(page, 0, "1")
        page.get_by_role("button", name="Labels", exact=True).click()
        labels_note(page).filter(has_text="no room to keep labels: export them").wait_for()
    page.close()


def test_what_a_site_exports_can_be_opened(folder: Path, tab: Any, tmp_path: Path) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        tab.get_by_text("Export", exact=True).first.click()
        menu = tab.locator(".rsh-export-menu")
        offered = ["CSV", "JSON", "GeoJSON", "Contact sheet"]
        assert menu.get_by_role("button").all_inner_texts() == [*offered, "Link"]
        for name in offered:
            with tab.expect_download() as saved:
                menu.get_by_role("button", name=name, exact=True).click()
            saved.value.save_as(tmp_path / saved.value.suggested_filename)
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 21
    with Image.open(tmp_path / "results.png") as sheet:
        assert sheet.width > 700 and len(sheet.getcolors(1 << 20) or ()) > 1000
    assert tab.said == []


def test_duplicates_are_found_and_selected(folder: Path, tab: Any) -> None:
    with hosting(folder) as (url, _):
        tab.goto(f"{url}/some/where/")
        cards(tab)
        tab.get_by_role("button", name="Duplicates", exact=True).click()
        tab.get_by_label("at most").select_option("8")
        tab.get_by_role("button", name="Find duplicates").click()
        tab.get_by_text("whose codes alone were compared").wait_for()
        tab.get_by_role("button", name="Select all but one of each kind").first.click()
        tab.get_by_role("button", name="Selected (").wait_for()
    assert tab.said == []
