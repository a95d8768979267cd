"""Near duplicates that a site finds by codes alone: the groups of `rsh duplicates --check none`."""

import json
from pathlib import Path
from typing import Any

import pytest
from browser.site_probe import probing
from browser.test_site_views import plain
from make_gallery import tiny_gallery

from rsh.analysis.duplicates import find_duplicates
from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.browser
PROBE = """
export async function look(base, asks) {
  const { Explorer } = site_web_explorer_js;
  const { Gallery } = site_web_gallery_js;
  const { findGroups } = site_web_duplicates_groups_js;
  const explorer = new Explorer(await Gallery.open(base), () => {});
  await explorer.start();
  const found = [];
  for (const { radius, most } of asks) {
    const part = explorer.parts.find(({ tab }) => tab?.[0] === "duplicates");
    part.look(radius);
    if (most) part.found = findGroups(explorer.gallery, radius, most);
    explorer.first = {};
    await part.open();
    found.push({ groups: part.found, view: explorer.first.duplicates.view });
    if (radius === 1) {
      await part.select(part.found, (isKept) => !isKept);
      found.at(-1).selection = Array.from(explorer.state.selection);
    }
  }
  const bytes = (view) => btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  return JSON.stringify(found, (_, value) => (value instanceof DataView ? bytes(value) : value));
}
"""


def in_python(gallery: Gallery, radius: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the groups that Python finds, and what the dashboard shows of them."""
    found = find_duplicates(gallery, radius=radius, check="none", progress=False)
    page = Explorer(ExplorerState(gallery))
    part = page.duplicates
    part._found, part._radius = found.to_dict(), str(radius)
    part.open()
    groups = [
        {
            "rows": group.rows.tolist(),
            "distances": group.distances.tolist(),
            "kept": group.kept.tolist(),
        }
        for group in found.groups
    ]
    return groups, part.strips.view


@pytest.mark.parametrize(("num_bits", "radii"), [(16, [0, 1, 2]), (64, [0, 1, 6]), (100, [1, 12])])
def test_groups_are_those_of_python(
    num_bits: int, radii: list[int], tmp_path: Path, chromium: Any
) -> None:
    gallery = tiny_gallery(
        tmp_path / "g", num_tiles=400, num_bits=num_bits, rename={"coast": "", "savanna": "Ä <b>"}
    )
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = json.loads(call("look", [{"radius": radius} for radius in radii]))
    many = 0
    for radius, shown in zip(radii, found, strict=True):
        groups, view = in_python(gallery, radius)
        many += len(groups)
        assert shown["groups"] == groups
        wanted = plain(view)
        for strip, expected in zip(shown["view"]["strips"], wanted["strips"], strict=True):
            if len(expected["cards"]) > 48:
                assert strip["words"].endswith("the first 48 are shown")
                strip["words"] = expected["words"]
                expected["cards"] = expected["cards"][:48]
            assert strip == expected
        assert shown["view"]["note"].startswith(wanted["note"])
        assert shown["view"]["choices"] == wanted["choices"][:1]
        leaks = ["leaks", "Find leaks between splits"]
        assert shown["view"]["actions"] == [one for one in wanted["actions"] if one != leaks]
        if radius == 1:
            others = [
                row
                for group in groups
                for row, kept in zip(group["rows"], group["kept"], strict=True)
                if not kept
            ]
            assert shown["selection"] == sorted(others)
    assert many > 3


def test_too_much_work_is_left_to_the_command(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=200, num_bits=32)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        (found,) = json.loads(call("look", [{"radius": 8, "most": 100}]))
    assert found["groups"] is None and found["view"]["strips"] == []
    assert found["view"]["actions"] == [["duplicates", "Find duplicates"]]
