"""A site finds the row of an id by its hash, and reads few tiles for it."""

from pathlib import Path
from typing import Any

import pytest
from browser.site_probe import write_probe
from make_gallery import tiny_gallery
from static_host import hosting

from rsh.codes.order import hash_order, id_hashes
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import write_gallery

pytestmark = pytest.mark.browser
HASH = """
async ([url, ids]) => {
  const { lookup } = await import(`${url}/probe.js`);
  return ids.map((id) => String(lookup.hashOf(id)));
}
"""
FIND = """
async ([url, ids]) => {
  const { galleries, lookup } = await import(`${url}/probe.js`);
  const gallery = await galleries.Gallery.open(`${url}/`);
  let read = 0;
  const { idOf } = gallery;
  gallery.idOf = (row) => {
    read += 1;
    return idOf.call(gallery, row);
  };
  const rows = [];
  for (const id of ids) rows.push(await lookup.rowByHash(gallery, id));
  return [rows, read];
}
"""


def by_hash(gallery: Gallery, folder: Path) -> Gallery:
    """Write a gallery in the order that `rsh encode` gives it."""
    order = hash_order(gallery.ids)
    tiles = gallery.tiles()
    rows = {name: getattr(tiles, name)[:][order] for name in ("packed", "relaxed", "features")}
    items = tiles.items.iloc[order].reset_index(drop=True)
    thumbnails = [gallery.stored_thumbnail(row) for row in order.tolist()]
    manifest = Manifest("tiny", gallery.num_bits, ModelInfo(), DataInfo())
    return write_gallery(folder, manifest, GalleryTiles(items, **rows, thumbnails=thumbnails))


def test_ids_have_the_hashes_that_rows_are_ordered_by_and_are_found(
    tmp_path: Path, chromium: Any
) -> None:
    gallery = by_hash(tiny_gallery(tmp_path / "tiny", num_tiles=300), tmp_path / "g")
    with hosting(write_probe(gallery, tmp_path / "site")) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        lengths = ["", "a", "ä" * 64, "x" * 127, "x" * 128, "x" * 129, "荒地/" * 300]
        texts = [*lengths, *gallery.ids]
        assert page.evaluate(HASH, [url, texts]) == [str(each) for each in id_hashes(texts)]
        ids = [*gallery.ids[::3], "nowhere.jpg", ""]
        rows, read = page.evaluate(FIND, [url, ids])
        assert rows == [*range(0, 300, 3), -1, -1]
        assert read < 5 * len(ids)
        page.close()
