"""A site compares two galleries of the same tiles as Python does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser.site_probe import probing
from browser.test_site_views import differences, plain, rounded
from make_gallery import half_labeled, tiny_gallery
from refusals import refused
from static_host import hosting

from rsh.analysis import compare_rankings
from rsh.cli.main import main
from rsh.explorer.address import read_address, write_address
from rsh.explorer.panels.compare import Comparison
from rsh.explorer.server.registry import Registry
from rsh.explorer.site.build import build_site
from rsh.explorer.site.checksums import check_site
from rsh.explorer.site.layout import SOFT_SCALE
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.browser
PROBE = """
export async function comparisons(base, asks) {
  const { Explorer } = site_web_explorer_js;
  const { Gallery } = site_web_gallery_js;
  const explorer = new Explorer(await Gallery.open(base), () => {});
  const found = [];
  for (const address of asks) {
    explorer.first = {};
    await explorer.state.filterBy([]);
    explorer.state.compared = "";
    await explorer.links.open(address);
    await explorer.refresh();
    const { compare, dock, header } = explorer.first;
    found.push([explorer.links.message, dock?.tab ?? "", compare, header.address]);
  }
  const bytes = (view) => btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  return JSON.stringify(found, (_, value) => (value instanceof DataView ? bytes(value) : value));
}
"""


def another_split(items: pd.DataFrame) -> pd.DataFrame:
    """Hold out other tiles, and drop some classes."""
    splits = np.random.default_rng(7).choice(["query", "train", "val"], len(items))
    return half_labeled(items).assign(split=splits)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Gallery]:
    folder = tmp_path_factory.mktemp("pair")
    return [
        tiny_gallery(folder / "long", num_tiles=150, num_bits=36),
        tiny_gallery(folder / "short", num_tiles=150, num_bits=8, more=another_split),
    ]


def soft_order(galleries: list[Gallery]) -> Any:
    """Return scores of tied tiles as a site has them, in place of the cosines of features."""
    soft = [
        np.rint(np.tanh(each.relaxed[:].astype(np.float32)) * SOFT_SCALE).astype(np.int64)
        for each in galleries
    ]

    def scores(own: Any, features: Any, rows: Any) -> Any:
        number = next(n for n, each in enumerate(galleries) if each.features is features)
        (query,) = np.flatnonzero((np.asarray(features) == own).all(axis=1))
        return galleries[number].codes[rows].astype(np.int64) @ soft[number][query]

    return scores


def python(galleries: list[Gallery], address: str) -> list[Any]:
    """Return what Python says of an address: left out, the view, the address of what is shown."""
    registry = Registry([each.folder for each in galleries])
    registry.open = lambda name: next(g for g in galleries if g.folder.name == name)
    comparison = Comparison(galleries[0], registry, registry.names[0])
    state = ExplorerState(galleries[0])
    state.sides = [side for side in comparison.sides if side.endswith("/bits")]
    left_out = read_address(address, state)
    return [left_out, comparison.view(state, state.compared), write_address(state)]


def links(gallery: Gallery, side: str) -> list[str]:
    random = np.random.default_rng(2)
    ids = [gallery.ids[row] for row in random.choice(len(gallery), 30).tolist()]
    asks = [
        f"?q={tile}&k={random.integers(1, 90)}&include_held_out={['no', 'yes'][number % 2]}"
        f"&compare={side}"
        for number, tile in enumerate(ids)
    ]
    asks += [f"?q={ids[0]}&k=9&include_held_out=no&compare=nothing", f"?q={ids[0]}&k=7"]
    asks += [f"?q={ids[1]}&k=7&compare={side}&like={ids[2]}"]
    asks += [f"?q={ids[3]}&k=7&compare={side}&where=split=train"]
    return asks


def test_two_galleries_are_compared_as_in_python(
    pair: list[Gallery], tmp_path: Path, chromium: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_rankings, "cosines", soft_order(pair))
    asks = links(pair[0], "short/bits")
    with probing(chromium, pair[0], tmp_path / "site", PROBE, compare=pair[1:]) as call:
        found = json.loads(call("comparisons", asks), parse_float=rounded)
    seen = set()
    for ask, (left_out, tab, panel, address) in zip(asks, found, strict=True):
        wanted = python(pair, ask)
        assert (left_out, address) == (wanted[0], wanted[2]), ask
        assert tab == ("compare" if "compare=" in address else ""), ask
        assert panel["chosen"] == ("short/bits" if tab else "")
        if tab:
            view = plain(wanted[1])
            assert list(differences(panel["view"], view, "compare")) == [], ask
            seen.add(view["note"].partition(" ")[2][:26])
    assert len(seen) > 2 and "short/bits" in found[30][0]


def test_embeddings_are_drawn_by_the_codes_of_their_side(
    tmp_path: Path, chromium: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [
        tiny_gallery(tmp_path / name, num_tiles=40, num_bits=bits, vector_dim=8)
        for name, bits in (("one", 24), ("two", 16))
    ]
    monkeypatch.setattr(compare_rankings, "cosines", soft_order(pair))
    asks = [f"?q={pair[0].ids[3]}&k=5&compare=two/bits"]
    with probing(chromium, pair[0], tmp_path / "site", PROBE, compare=pair[1:]) as call:
        ((_, _, panel, _),) = json.loads(call("comparisons", asks), parse_float=rounded)
    wanted = plain(python(pair, asks[0])[1])
    for shown, side in zip(panel["view"]["sides"], wanted["sides"], strict=True):
        assert [card["code"] for card in shown["cards"]] == [card["code"] for card in side["cards"]]
    drawn = [{card["thumb"] for card in side["cards"]} for side in panel["view"]["sides"]]
    assert all(drawn) and not drawn[0] & drawn[1]


def test_a_visitor_compares_and_a_link_opens_it_again(
    pair: list[Gallery], tmp_path: Path, chromium: Any
) -> None:
    build_site(pair[0], tmp_path / "site", compare=pair[1:])
    page = chromium.new_page()
    page.add_init_script("localStorage.setItem('rsh-toured', 'yes')")
    with hosting(tmp_path / "site") as (url, asked):
        page.goto(url)
        page.get_by_role("button", name="Compare", exact=True).click()
        assert not any("other-0" in path for path in asked)  # read when it is compared with
        page.get_by_label("Compare these results with").select_option("short, bits")
        sides = page.locator(".rsh-compare-sides section")
        sides.nth(1).locator(".rsh-card").nth(19).wait_for()
        titles = sides.get_by_role("heading").all_inner_texts()
        assert titles == ["36 bits", "short, 8 bits"]
        page.wait_for_url("**compare=short/bits*")
        note = page.locator(".rsh-compare .rsh-summary").inner_text()
        assert "of the top 20 are shared" in note
        page.reload()
        page.locator(".rsh-compare .rsh-summary", has_text=note).wait_for()
        assert sides.count() == 2
        sides.nth(0).locator(".rsh-card").nth(1).click()  # a tile of the first gallery
        page.locator(".rsh-compare .rsh-summary").filter(has_not_text=note).wait_for()
        page.get_by_label("Compare these results with").select_option("nothing")
        page.wait_for_url(lambda address: "compare" not in address)
        (tmp_path / "site" / "data" / "other-0" / "codes.bin").unlink()
        page.goto(f"{url}/?compare=short/bits")
        page.get_by_text("data/other-0/codes.bin is missing").first.wait_for()
    page.close()


def test_a_comparison_that_cannot_be_read_leaves_none_of_another_side_or_query(
    pair: list[Gallery], tmp_path: Path, chromium: Any
) -> None:
    third = tiny_gallery(tmp_path / "third", num_tiles=150, num_bits=16)
    build_site(pair[0], tmp_path / "site", compare=[pair[1], third])
    other = tmp_path / "site" / "data" / "other-1"
    page = chromium.new_page()
    with hosting(tmp_path / "site") as (url, _):
        page.goto(f"{url}/?compare=short/bits")
        cards = page.locator(".rsh-compare-sides .rsh-card")
        cards.nth(39).wait_for()
        content = (other / "codes.bin").read_bytes()
        (other / "codes.bin").unlink()
        page.get_by_label("Compare these results with").select_option("third, bits")
        note = page.locator(".rsh-compare .rsh-summary")
        note.filter(has_text="data/other-1/codes.bin is missing").wait_for()
        assert cards.count() == 0
        (other / "codes.bin").write_bytes(content)
        page.locator(".rsh-cards .rsh-card").nth(3).click()
        cards.nth(39).wait_for()
        (other / "soft-0.bin").unlink()
        page.locator(".rsh-cards .rsh-card").nth(3).click()
        note.filter(has_text="data/other-1/soft-0.bin is missing").wait_for()
        assert cards.count() == 0
    page.close()


def test_a_site_alone_offers_no_comparison(
    pair: list[Gallery], tmp_path: Path, chromium: Any
) -> None:
    asks = [f"?q={pair[0].ids[3]}&compare=short/bits"]
    with probing(chromium, pair[0], tmp_path / "site", PROBE) as call:
        ((left_out, tab, panel, _),) = json.loads(call("comparisons", asks))
    assert left_out.endswith("compare=short/bits (there is nothing to compare with)")
    assert (tab, panel) == ("", None)


def test_other_tiles_are_refused_before_anything_is_written(
    pair: list[Gallery], tmp_path: Path
) -> None:
    fewer = tiny_gallery(tmp_path / "fewer", num_tiles=30)
    renamed = tiny_gallery(
        tmp_path / "none", num_tiles=30, more=lambda items: items.assign(id="x" + items["id"])
    )
    for gallery, others, names in (
        (pair[0], [fewer], ("no tile of", fewer.folder, "the same tiles")),
        (fewer, pair[:1], ("no tile of", pair[0].folder, "the same tiles")),
        (fewer, [renamed], ("no tile of", renamed.folder, "they share none")),
        (pair[0], [pair[0]], "two galleries are called long"),
    ):
        with refused(names=names):
            build_site(gallery, tmp_path / "site", compare=others)
    assert not (tmp_path / "site").exists()


def test_command_writes_both_and_thumbnails_once(
    pair: list[Gallery], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    main(["site", *(str(each.folder) for each in pair[:1]), "--output", str(site)])
    alone = {file.relative_to(site) for file in site.rglob("*.*")}
    main(["site", str(pair[0].folder), "--compare", str(pair[1].folder), "--output", str(site)])
    both = {file.relative_to(site) for file in site.rglob("*.*")}
    names = ("codes.bin", "labels.bin", "soft-0.bin", "soft-checksums-0.json", "splits.bin")
    assert both - alone == {Path("data") / "other-0" / name for name in names}
    assert check_site(site) == len([*filter(Path.is_file, site.rglob("*"))]) - 2
    assert "150 tiles" in capsys.readouterr().out
