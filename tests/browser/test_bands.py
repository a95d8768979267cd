"""A gallery of rasters with 13 bands, in a real browser."""

import base64
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from browser.steps import ANSWER, open_page, violations, wait_for_query
from make_bands import in_unit, make_scene, reflectance
from PIL import Image
from static_host import hosting

from rsh.config import TrainConfig
from rsh.data.bands import ALL, BandOptions
from rsh.data.images import read_thumbnail
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.encoding.build import build_gallery
from rsh.explorer.page import Explorer
from rsh.explorer.site.build import build_site
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.gallery.ids import NO_ROW
from rsh.models.hashnet import HashNet
from rsh.training.train import train

pytestmark = pytest.mark.browser
EVERY = ".rsh-page img:not(.rsh-viewer img)"
CARD = ".rsh-results .rsh-cards img"
QUERY = ".rsh-query img"
FILE = ".rsh-upload input[type=file]"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("bands")
    (folder / "scenes").mkdir()
    for seed in range(2):
        make_scene(folder / "scenes" / f"2017-05-0{seed + 1}.tif", reflectance(100, seed))
    bands = BandOptions((ALL,))
    dataset = TileDataset.open(folder / "scenes", tiling=TilingOptions(20), bands=bands)
    named = {"bands": dataset.bands.names, "units": dataset.bands.units, "pretrained": False}
    net = HashNet("resnet10t", num_bits=16, image_size=32, **named)
    config = TrainConfig(epochs=1, cached_views=2)
    train(net, dataset.split(by="class"), config, run=folder / "run", progress=False)
    return build_gallery(net, dataset, folder / "g", run=folder / "run", progress=False)


@pytest.fixture(scope="module")
def served(serving, scenes):
    return serving(scenes)


def images(page) -> list[bytes]:
    addresses = page.eval_on_selector_all(CARD, "(all) => all.map((image) => image.src)")
    return [base64.b64decode(address.partition(",")[2]) for address in addresses]


def wait_for_first(page, image: bytes) -> None:
    page.wait_for_function(
        "(address) => document.querySelector('.rsh-results .rsh-cards img').src === address",
        arg=f"data:image/jpeg;base64,{base64.b64encode(image).decode()}",
    )


def test_a_list_chooses_how_bands_are_shown(visit, served, scenes):
    check_composites(visit, served, scenes)


def test_a_site_shows_bands_likewise(visit, scenes, tmp_path: Path):
    build_site(scenes, tmp_path / "site", progress=False)
    with hosting(tmp_path / "site") as (url, _):
        check_composites(visit, SimpleNamespace(url=f"{url}/"), scenes)
        wrong = open_page(visit, None, url=f"{url}/?bands=sepia")
        wrong.get_by_text("bands=sepia (choose one of true color").wait_for(timeout=ANSWER)


def check_composites(visit, home, scenes):
    page = open_page(visit, home)
    check_scenes(page)
    page.get_by_label("Show bands as").wait_for(timeout=ANSWER)
    rows = page.eval_on_selector_all(
        ".rsh-results .rsh-cards [data-row]", "(all) => all.map((card) => Number(card.dataset.row))"
    )
    shown = Gallery.open(scenes.folder)
    assert images(page) == [shown.thumbnail(row) for row in rows]
    assert "Red is B04, green B03, blue B02. Black: reflectance 0." in words_of(page)
    page.get_by_label("Show bands as").focus()
    page.keyboard.press("f")  # as people choose from a list by its first letter
    shown.show_composite("false color")
    expected = [shown.thumbnail(row) for row in rows]
    wait_for_first(page, expected[0])
    assert images(page) == expected
    assert "Red is B08, green B04, blue B03. Black: reflectance 0." in words_of(page)
    page.wait_for_function("location.search.includes('bands=false+color')", timeout=ANSWER)
    assert violations(page) == []
    again = open_page(visit, home, url=page.url)
    wait_for_first(again, expected[0])
    assert images(again) == expected
    assert again.get_by_label("Show bands as").input_value() == "false color"
    check_brightness(again, visit, home)


def words_of(page) -> str:
    return page.inner_text(".rsh-composite .rsh-note")


def drawn(page, images: str) -> set[str]:
    """Return how the browser filters some images."""
    look = "(all) => all.map((image) => getComputedStyle(image).filter)"
    return {*page.eval_on_selector_all(images, look)}


def check_brightness(page, visit, home) -> None:
    """A slider makes all images brighter, says so, and is part of the link."""
    low, high = limits(page)
    assert drawn(page, EVERY) == {"none"}
    slider = page.get_by_label("Brightness")
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert drawn(page, EVERY) == {"brightness(3)"}
    assert "Brightness \N{MULTIPLICATION SIGN}3 is for display only" in words_of(page)
    assert limits(page) == (low, pytest.approx(low + (high - low) / 3, abs=0.002))
    page.wait_for_function("location.search.includes('brightness=3')", timeout=ANSWER)
    assert violations(page) == []
    again = open_page(visit, home, url=page.url)
    again.wait_for_function(
        "() => document.querySelector('.rsh-brightness output').textContent.endsWith(3)"
    )
    assert drawn(again, EVERY) == {"brightness(3)"}
    again.get_by_label("Stack equal codes").check()
    again.wait_for_function("location.search.includes('stack=yes')", timeout=ANSWER)
    assert again.is_hidden(".rsh-alert")
    again.get_by_label("Show bands as").select_option("true color")
    again.wait_for_function("!location.search.includes('bands')", timeout=ANSWER)
    assert "stack=yes&brightness=3" in again.url
    again.get_by_role("button", name="Reset", exact=True).click()
    again.wait_for_function("!location.search.includes('brightness')", timeout=ANSWER)
    assert drawn(again, EVERY) == {"none"}
    wrong = open_page(visit, home, url=f"{page.url.replace('brightness=3', 'brightness=2.2')}")
    wrong.get_by_text("brightness=2.2 (choose a number from 1 to 8 in steps of 0.5").wait_for(
        timeout=ANSWER
    )


def limits(page) -> tuple[float, float]:
    """Return the values of the first band that are said to be black and white."""
    found = re.search(r"Black: reflectance ([\d.]+), .*white: ([\d.]+),", words_of(page))
    return float(found[1]), float(found[2])


def check_scenes(page) -> None:
    """Cards and the enlarged tile say which scene a tile was cut from."""
    card = page.locator(".rsh-results .rsh-card").first
    scene, tile = card.get_attribute("data-id").split("/")
    assert card.locator(".rsh-origin").inner_text() == scene
    assert card.locator(".rsh-class").inner_text() == tile
    assert f"{tile}, {scene}, " in card.locator("img").get_attribute("alt")
    card.focus()
    page.keyboard.press("e")
    dialog = page.locator(".rsh-viewer")
    dialog.get_by_text("scene", exact=True).wait_for(timeout=ANSWER)
    assert dialog.locator("h2").inner_text() == f"{tile}, {scene}"
    assert dialog.locator("dt:text-is('scene') + dd").inner_text() == scene
    assert dialog.locator("dt:text-is('class')").count() == 0  # it has none
    page.keyboard.press("Escape")


def test_a_raster_is_searched_with_and_an_image_is_refused(visit, served, scenes, tmp_path: Path):
    page = open_page(visit, served)
    assert "a raster with the bands B01, B02" in page.inner_text(".rsh-ask")
    row = 7
    day, down, right = re.findall(r"\d\d(?=/)|\d{6}", scenes.ids[row])
    top, left = int(down), int(right)
    values = reflectance(100, int(day) - 1)[:, top : top + 20, left : left + 20]
    tile = make_scene(tmp_path / "tile.tif", values)
    page.set_input_files(FILE, tile)
    wait_for_query(page, NO_ROW)
    found = shown_row(page)
    assert bytes(scenes.packed[found]) == bytes(scenes.packed[row])
    looks_like_tile(page, scenes.folder, row, "true color")
    page.get_by_label("Show bands as").select_option("false color")
    looks_like_tile(page, scenes.folder, row, "false color")
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "image.png")
    page.set_input_files(FILE, tmp_path / "image.png")
    page.get_by_text("give a raster with these bands").wait_for(timeout=ANSWER)
    make_scene(tmp_path / "dn.tif", in_unit(reflectance(20), "DN"))
    page.set_input_files(FILE, tmp_path / "dn.tif")
    page.get_by_text("and the network takes reflectance").wait_for(timeout=ANSWER)


def looks_like_tile(page, folder: Path, row: int, composite: str) -> None:
    shown = Gallery.open(folder)
    shown.show_composite(composite)
    wait_for_first(page, shown.thumbnail(shown_row(page)))
    (own,) = page.eval_on_selector_all(QUERY, "(all) => all.map((image) => image.src)")
    jpegs = (base64.b64decode(own.partition(",")[2]), shown.thumbnail(row))
    one, other = (np.asarray(read_thumbnail(jpeg), int) for jpeg in jpegs)
    assert np.abs(one - other).mean() < 9  # JPEG


def shown_row(page) -> int:
    return int(page.locator(".rsh-results .rsh-cards [data-row]").first.get_attribute("data-row"))


def test_brightness_is_kept_in_the_address_and_checked(scenes):
    page = Explorer(ExplorerState(Gallery.open(scenes.folder)))
    page.cards.brightness = 2.5
    assert "brightness=2.5" in page.header.address
    page.cards.brightness = 80
    assert "“80”: choose a number from 1 to 8 in steps of 0.5" in page.header.message
    assert page.state.brightness == 2.5


def test_a_composite_in_a_link_that_is_not_there_is_named(scenes):
    page = Explorer(ExplorerState(Gallery.open(scenes.folder)))
    page.receive(page.header, {"kind": "address", "text": "?bands=sepia"}, [])
    assert "bands=sepia (choose one of true color" in page.header.message
    page.receive(page.header, {"kind": "address", "text": "?bands=short-wave+infrared"}, [])
    assert page.cards.composite == "short-wave infrared"
    assert page.cards.view["cards"][0]["thumb"] != Gallery.open(scenes.folder).thumbnail(
        page.cards.view["cards"][0]["row"]
    )
