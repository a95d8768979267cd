"""A site shows of one tile what Python shows: its preview, thumbnail, or a drawing of its code."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import write_probe
from make_gallery import tiny_gallery
from PIL import Image
from static_host import hosting

from rsh.data.images import to_jpeg
from rsh.explorer.originals.client import Enlarger
from rsh.explorer.panels.tiles import describe
from rsh.explorer.panels.viewer import large_view
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.placeholder import draw_code
from rsh.gallery.segment import THUMB_SIDE
from rsh.gallery.writer import write_gallery

pytestmark = pytest.mark.browser
PROBE = """
async ([url, rows]) => {
  const { explorers, galleries } = await import(`${url}/probe.js`);
  const found = [];
  const post = (message) => {
    if (message.kind !== "message" || message.panel !== "viewer") return;
    const bytes = String.fromCharCode(...new Uint8Array(message.buffers[0]));
    found.push([message.content, btoa(bytes)]);
  };
  const explorer = new explorers.Explorer(await galleries.Gallery.open(`${url}/`), post);
  await explorer.start("");
  for (const row of rows) explorer.receive("viewer", { kind: "enlarge", row }, []);
  await explorer.last;
  return found;
}
"""


def enlarged(gallery: Gallery, folder: Path, chromium: Any, rows: list[int]) -> list[Any]:
    """Return what the viewer of a site is sent of some tiles."""
    with hosting(write_probe(gallery, folder)) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        found = page.evaluate(PROBE, [url, rows])
        page.close()
    return [(content, base64.b64decode(image)) for content, image in found]


def test_a_tile_is_shown_as_large_as_it_is_stored(tmp_path: Path, chromium: Any) -> None:
    small = tiny_gallery(tmp_path / "small", num_tiles=60)
    colors = np.random.default_rng(0).integers(0, 256, (len(small), 3)).tolist()
    previews = [
        to_jpeg(Image.new("RGB", (200 + row, 170), tuple(color)), side=300) if row % 2 else b""
        for row, color in enumerate(colors)
    ]
    large = to_jpeg(Image.new("RGB", (300, 200)), side=THUMB_SIDE)
    thumbnails = [large if row == 2 else small.thumbnail(row) for row in range(len(small))]
    tiles = replace(small.tiles(), previews=previews, thumbnails=thumbnails)
    gallery = write_gallery(tmp_path / "g", Manifest("tiny", 32, ModelInfo(), DataInfo()), tiles)
    rows = [0, 1, 2, 31, 59]
    found = enlarged(gallery, tmp_path / "site", chromium, rows)
    stored = Enlarger(gallery, originals=False).stored
    for row, (content, image) in zip(rows, found, strict=True):
        wanted = stored(row)
        view = large_view(gallery, describe(gallery, row), wanted)
        view["what"] = view["what"].replace(": `rsh encode --preview 512` keeps more", "")
        assert content == {"kind": "enlarged", **view}, "visitors of a site cannot run commands"
        assert image == wanted.content
    said = [content["what"] for content, _ in found]
    assert said[0] == "The stored thumbnail, 112 x 112 pixels: all that the tile has."
    assert said[1].startswith("The stored preview, ")
    assert said[2] == "The stored thumbnail, 128 x 85 pixels."


def test_a_tile_without_an_image_is_drawn(tmp_path: Path, chromium: Any) -> None:
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60, num_bits=20, vector_dim=8)
    ((content, image),) = enlarged(gallery, tmp_path / "site", chromium, [7])
    assert content["what"] == "A drawing of the code: this tile has no image."
    drawn, wanted = (
        np.asarray(Image.open(io.BytesIO(each)).convert("RGB"), float)
        for each in (image, draw_code(gallery.packed[7], 20))
    )
    assert np.abs(drawn - wanted).mean() < 4  # two encoders of JPEG
