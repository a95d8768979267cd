"""Groups of a gallery: found, stored, and kept while the gallery changes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import tiles_of, tiny_gallery, write
from refusals import refused

import rsh.gallery.gallery as gallery_module
from rsh.codes.binary import unpack
from rsh.codes.groups import NO_GROUP
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups
from rsh.gallery.writer import add_tiles, merge_galleries, remove_tiles, write_groups

SIZES = {"lake": 80, "field": 50, "town": 30}


def grouped_parts(seed: int = 0, *, prefix: str = "", look_bits: int = 0, sizes=SIZES) -> dict:
    """Tiles of three kinds, and 8 that resemble none; the last bits are random."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(3).choice([-1, 1], (3, 32))
    own = np.repeat(np.arange(3), list(sizes.values()))
    signs = centers[own] * np.where(rng.random((len(own), 32)) < 0.06, -1, 1)
    noise = rng.choice([-1, 1], (500, 32))
    far = ((noise[:, None] != centers).sum(axis=2) > 12).all(axis=1)
    signs = np.vstack([signs, noise[far][:8]])
    names = [*np.array(list(sizes))[own], *["odd"] * 8]
    look = rng.choice([-1, 1], (len(signs), look_bits))
    codes = np.hstack([signs, look]).astype(np.int8)
    features = codes + rng.normal(size=codes.shape)
    return {
        "items": pd.DataFrame({
            "id": [f"{prefix}{name}/{number}.png" for number, name in enumerate(names)],
            "class": np.where(np.arange(len(names)) % 2, names, ""),
            "split": rng.choice(["train", "query"], len(names)),
        }),
        "codes": codes,
        "relaxed": codes * rng.uniform(0.5, 2, codes.shape),
        "features": features / np.linalg.norm(features, axis=1, keepdims=True),
        "thumbnails": [b"jpeg"] * len(names),
    }  # fmt: skip


def made(folder: Path, *, look_bits: int = 0, **options) -> Gallery:
    info = {"name": "kinds", "model": {"look_bits": look_bits}, "data": {}}
    return write(folder, info=info, **grouped_parts(look_bits=look_bits, **options))


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return made(tmp_path / "gallery")


def kinds(gallery: Gallery) -> np.ndarray:
    return gallery.items["id"].str.split("/").str[-2].to_numpy()


def by_id(gallery: Gallery) -> dict[str, str]:
    groups = gallery.groups
    assert groups is not None
    return dict(zip(gallery.items["id"], groups.column(), strict=True))


def test_each_kind_is_a_group_the_largest_first(gallery: Gallery):
    groups = gallery.groups
    assert [set(kinds(gallery)[group.rows]) for group in groups] == [{name} for name in SIZES]
    assert [len(group) for group in groups] == pytest.approx(list(SIZES.values()), abs=2)
    assert len(groups) == 3 and len(list(groups)) == 3
    assert set(kinds(gallery)[groups.ungrouped]) >= {"odd"}
    assert len(groups.ungrouped) + sum(map(len, groups)) == len(gallery)


def test_a_group_says_what_its_tiles_have_in_common(gallery: Gallery):
    for group in gallery.groups:
        bits = gallery.codes[group.rows] > 0
        center = unpack(group.center, 32)[0] > 0
        assert (center == (bits.mean(axis=0) >= 0.5)).all()
        assert (group.shared == (bits == bits[0]).all(axis=0)).all()
        assert group.spread == pytest.approx((bits != center).sum(axis=1).mean())
        (name,) = set(kinds(gallery)[group.rows])
        assert (group.class_name, group.class_share) == (name, 1.0)
        assert group.key == gallery.items["id"][group.rows[0]]


def test_no_labels_give_no_class(tmp_path: Path):
    parts = grouped_parts()
    parts["items"]["class"] = ""
    unlabeled = write(tmp_path / "g", info={"name": "x", "model": {}, "data": {}}, **parts)
    assert [(group.class_name, group.class_share) for group in unlabeled.groups] == [("", None)] * 3


def test_look_bits_do_not_count(tmp_path: Path):
    plain, look = made(tmp_path / "a"), made(tmp_path / "b", look_bits=32)
    assert (plain.groups.number == look.groups.number).all()
    assert look.groups.part.num_bits == 32
    assert [group.spread for group in look.groups] == [group.spread for group in plain.groups]
    assert all(len(group.shared) == 64 for group in look.groups)


def test_typical_tiles_are_near_the_center(gallery: Gallery):
    for group in gallery.groups:
        distances = np.bitwise_count(gallery.packed[group.rows] ^ group.center).sum(axis=1)
        rest = distances[9:]
        assert (np.diff(rest) >= 0).all()
        assert distances[0] <= np.median(distances)


def test_groups_are_found_again_the_same(gallery: Gallery):
    first, second = find_groups(gallery), find_groups(Gallery.open(gallery.folder))
    assert first.table().equals(second.table())
    assert first.keys == second.keys


def test_stored_groups_are_those_that_were_found(gallery: Gallery):
    found = find_groups(gallery, prominence=0.5)
    write_groups(gallery, found)
    for opened in (gallery, Gallery.open(gallery.folder)):
        assert opened.groups.prominence == 0.5
        assert opened.groups.table().equals(found.table())
        assert [group.rows.tolist() for group in opened.groups] == [
            group.rows.tolist() for group in found
        ]


def test_a_large_gallery_has_groups_once_they_are_stored(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gallery_module, "AT_ONCE", len(gallery) - 1)
    assert gallery.groups is None
    with refused("filter", names="rsh groups"):
        gallery.searchable_rows(Filter.read(["group=lake/0.png"]))
    write_groups(gallery, find_groups(gallery))
    assert len(gallery.groups) == 3


def test_groups_outlive_removal(gallery: Gallery):
    write_groups(gallery, find_groups(gallery))
    before = by_id(gallery)
    gone = [str(gallery.items["id"][row]) for row in gallery.groups[1].rows[1:40]]
    fewer = remove_tiles(gallery.folder, [*gone, gallery.groups[0].key])
    assert [set(kinds(fewer)[group.rows]) for group in fewer.groups] == [
        {"lake"}, {"town"}, {"field"}
    ]  # fmt: skip
    assert fewer.groups.keys[1:] == [before[key] for key in fewer.groups.keys[1:]]
    assert fewer.groups.keys[0] != before[fewer.groups.keys[0]]  # its most typical tile is gone


def test_new_tiles_join_the_group_of_the_nearest_code(gallery: Gallery):
    write_groups(gallery, find_groups(gallery))
    before, keys = by_id(gallery), gallery.groups.keys
    more = add_tiles(gallery.folder, tiles_of(**grouped_parts(7, prefix="new/")))
    after = by_id(more)
    assert {tile: after[tile] for tile in before} == before
    for tile, key in after.items():
        kind = tile.split("/")[-2]
        if tile.startswith("new/") and key:
            assert kind == key.split("/")[-2]
    joined = [bool(after[tile]) for tile in after if tile.startswith("new/") and "odd" not in tile]
    assert np.mean(joined) > 0.97
    assert more.groups.keys == keys  # new tiles come after those that were there
    assert np.isfinite(more.groups.sparsity).all()
    assert np.isfinite(more.groups.outlier_factors).all()
    write_groups(more, more.groups)
    assert by_id(Gallery.open(gallery.folder)) == after


def test_groups_of_a_gallery_whose_tiles_were_all_replaced_are_found_again(gallery: Gallery):
    write_groups(gallery, find_groups(gallery))
    old = gallery.items["id"].tolist()
    add_tiles(gallery.folder, tiles_of(**grouped_parts(7, prefix="new/")))
    assert len(remove_tiles(gallery.folder, old).groups) == 3


def test_a_merged_gallery_finds_its_own_groups(gallery: Gallery, tmp_path: Path):
    write_groups(gallery, find_groups(gallery))
    merged = merge_galleries([gallery.folder], tmp_path / "merged")
    assert merged.manifest.groups is None
    assert by_id(merged) == by_id(gallery)


def test_only_two_versions_of_groups_stay_on_disk(gallery: Gallery):
    for prominence in (0.5, 1.0, 2.0):
        write_groups(gallery, find_groups(gallery, prominence=prominence))
    assert len(list(gallery.folder.glob("groups-*"))) == 2
    assert Gallery.open(gallery.folder).groups.prominence == 2.0


def test_find_tells_the_group_that_holds_a_tile(gallery: Gallery):
    groups = gallery.groups
    for group in groups:
        for row in group.rows[[0, -1]]:
            assert groups.find(gallery.items["id"][row]).key == group.key
    assert groups.find(gallery.items["id"][groups.ungrouped[0]]) is None
    assert groups.find("moon/1.png") is None
    with pytest.raises(IndexError):
        groups[3]


def test_a_filter_takes_any_tile_of_a_group(gallery: Gallery):
    groups = gallery.groups
    lakes, fields, _ = groups
    last = [str(gallery.items["id"][group.rows[-1]]) for group in (lakes, fields)]

    def rows(*conditions: str) -> set[int]:
        found = gallery.searchable_rows(Filter.read(conditions), include_held_out=True)
        return set(found.tolist())

    assert rows(f"group={lakes.key}") == rows(f"group={last[0]}") == set(lakes.rows.tolist())
    assert rows(f"group={','.join(last)}") == {*lakes.rows.tolist(), *fields.rows.tolist()}
    others = set(np.flatnonzero(groups.number != 0).tolist())
    assert rows(f"group!={lakes.key}") == others
    assert rows(f"group={lakes.key}", "split=train") < rows(f"group={lakes.key}")
    write_groups(gallery, find_groups(gallery, prominence=100))
    assert rows(f"group={lakes.key}") != set(lakes.rows.tolist())  # no old answer is kept


def test_a_name_belongs_to_the_group_that_holds_its_tile(gallery: Gallery):
    lakes, fields, _ = gallery.groups
    ids, me = gallery.items["id"], Visitor("me")
    odd = str(ids[gallery.groups.ungrouped[0]])
    for tile, name in ((lakes.key, "lakes"), (str(ids[fields.rows[-1]]), "fields"),
                       (odd, "odd"), ("moon/1.png", "gone")):  # fmt: skip
        gallery.annotations.name_group(tile, name, by=me)
    assert gallery.group_names == {0: "lakes", 1: "fields"}
    gallery.annotations.name_group(str(ids[lakes.rows[3]]), "water", by=me)
    assert gallery.group_names[0] == "water"
    gallery.annotations.name_group(lakes.key, "ponds", by=me)  # recorded first and last
    assert gallery.group_names[0] == "ponds"
    gallery.annotations.undo(by=me)
    assert gallery.group_names[0] == "water"
    gallery.annotations.name_group(lakes.key, "", by=me)  # not the name before this one
    assert gallery.group_names == {1: "fields"}
    gallery.annotations.compact(by=me)
    assert gallery.group_names == {1: "fields"}
    assert Gallery.open(gallery.folder).group_names == {1: "fields"}


def test_a_filter_takes_the_name_of_a_group(gallery: Gallery):
    def rows(*conditions: str) -> list[int]:
        found = gallery.searchable_rows(Filter.read(conditions), include_held_out=True)
        return sorted(found.tolist())

    lakes, fields, _ = gallery.groups
    me = Visitor("me")
    gallery.annotations.name_group(lakes.key, "blue", by=me)
    assert rows("group=blue") == sorted(lakes.rows.tolist())
    assert rows(f"group=blue,{fields.key}") == sorted([*lakes.rows, *fields.rows])
    gallery.annotations.name_group(fields.key, "blue", by=me)
    assert rows("group=blue") == sorted([*lakes.rows, *fields.rows])
    gallery.annotations.name_group(lakes.key, fields.key, by=me)  # an id comes before a name
    assert rows(f"group={fields.key}") == sorted(fields.rows)
    with refused("filter", names="green"):
        rows("group=green")


def test_names_and_ids_with_commas_are_found(tmp_path: Path):
    parts = grouped_parts()
    parts["items"]["id"] = parts["items"]["id"].str.replace("/", ", ")  # "lake, 0.png"
    gallery = write(tmp_path / "g", info={"name": "commas", "model": {}, "data": {}}, **parts)
    lakes, fields = gallery.groups[0], gallery.groups[1]
    gallery.annotations.name_group(lakes.key, "deep, blue", by=Visitor("v"))
    gallery.annotations.name_group(fields.key, "wheat..rye", by=Visitor("v"))

    def rows(condition: str) -> list[int]:
        return sorted(np.flatnonzero(gallery.passes(Filter.read([condition]))).tolist())

    both = sorted([*lakes.rows.tolist(), *fields.rows.tolist()])
    assert rows("group=deep, blue") == rows(f"group={lakes.key}") == sorted(lakes.rows.tolist())
    assert rows("group=wheat..rye") == sorted(fields.rows.tolist())
    assert rows("group=wheat..rye,deep, blue") == rows("group=deep, blue, wheat..rye") == both
    assert rows("group!=deep, blue") == sorted({*range(len(gallery))} - {*lakes.rows.tolist()})
    with refused("filter", names="no group holds a tile deep"):
        rows("group=deep")
    with refused("filter", names="group=deep,,blue"):
        rows("group=deep,,blue")


def test_a_filter_needs_a_tile_in_a_group(gallery: Gallery):
    odd = str(gallery.items["id"][gallery.groups.ungrouped[0]])
    for tile in ("moon/1.png", odd):
        with refused("filter", names=tile):
            gallery.searchable_rows(Filter.read([f"group={gallery.groups.keys[0]},{tile}"]))


def test_a_column_of_the_table_comes_before_the_groups(tmp_path: Path):
    own = tiny_gallery(tmp_path / "g", num_tiles=20, more=lambda items: items.assign(group="x"))
    assert len(own.searchable_rows(Filter.read(["group=x"]), include_held_out=True)) == 20


@pytest.mark.parametrize("prominence", [-0.1, 257, float("nan")])
def test_prominence_is_in_bits(gallery: Gallery, prominence: float):
    with refused("prominence", names=256.0):
        find_groups(gallery, prominence=prominence)


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_tiny_galleries_have_no_groups_or_few(tmp_path: Path, count: int):
    tiny = tiny_gallery(tmp_path / "gallery", num_tiles=count)
    assert len(tiny.groups) <= 1
    write_groups(tiny, tiny.groups)
    assert (Gallery.open(tiny.folder).groups.number == tiny.groups.number).all()
    assert set(tiny.groups.number.tolist()) <= {0, NO_GROUP}
