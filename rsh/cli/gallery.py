"""The commands that look after a gallery: `rsh gallery info | check | add | remove | ...`."""

from pathlib import Path

from rsh.config import DEFAULT_TARGET_RECALL, IndexName


def gallery_info(gallery: Path) -> None:
    """Say what a gallery holds, and how it came about.

    Args:
        gallery: The gallery folder.
    """
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.searcher import describe_index
    from rsh.metrics.ranking import distinct_codes
    from rsh.text import align_columns

    opened = Gallery.open(gallery)
    segments = opened.info["segments"]
    removed = sum(len(segment["removed"]) for segment in segments)
    lines = [
        ("name", opened.name),
        ("tiles", f"{len(opened):,} in {len(opened.classes)} classes"),
        ("can be found", f"{len(opened.searchable):,}, all but queries"),
        ("codes", f"{opened.num_bits} bits, {distinct_codes(opened.packed):,} different ones"),
        ("places", "known" if opened.has_map else "unknown"),
        ("projection", "none: run `rsh project`" if opened.projection is None else "there"),
        ("changes", f"generation {opened.info['version']}, segments: {len(segments)}"),
        ("removed", f"{removed:,}, on disk until `rsh gallery merge`"),
        ("search", describe_index(opened.info["index"], opened.searcher)),
        ("made by", str(opened.info["model"].get("run") or "an unknown run")),
    ]
    print(align_columns(lines, left=(0, 1)))


def gallery_check(gallery: Path) -> None:
    """Read every byte of a gallery and hold it against the checksums.

    Args:
        gallery: The gallery folder.
    """
    from rsh.gallery.writer import check_gallery

    opened = check_gallery(gallery)
    print(f"{gallery}: {len(opened):,} tiles, every file is as it was written")


def gallery_add(gallery: Path, data: str, *, run: Path | None = None) -> None:
    """Encode more tiles into a gallery; `rsh project` then has to run again.

    Args:
        gallery: The gallery folder.
        data: A folder with one folder a class, a zip of such a folder, shards, a scene, or a
            fetched data set; see `rsh encode --help`.
        run: The run folder of the model, if it has moved.
    """
    from rsh.data.dataset import TileDataset
    from rsh.encoding.build import add_dataset
    from rsh.encoding.query import load_network
    from rsh.gallery.gallery import Gallery

    net, dataset = load_network(Gallery.open(gallery), run), TileDataset.open(data)
    opened = add_dataset(net, dataset, gallery)
    print(f"{gallery}: {len(dataset):,} tiles added, {len(opened):,} in all")


def gallery_remove(gallery: Path, *ids: str) -> None:
    """Take tiles out of a gallery.

    Args:
        gallery: The gallery folder.
        ids: Of the tiles.
    """
    from rsh.gallery.writer import remove_tiles

    opened = remove_tiles(gallery, ids)
    print(f"{gallery}: {len(set(ids)):,} tiles removed, {len(opened):,} are left")


def gallery_merge(*galleries: Path, output: Path) -> None:
    """Put galleries of one model together in a new one, without what was removed.

    Args:
        galleries: Their folders; one alone is written anew.
        output: The gallery folder to make.
    """
    from rsh.gallery.writer import merge_galleries

    merged = merge_galleries(galleries, output)
    print(f"{output}: {len(merged):,} tiles of {len(galleries)} galleries")


def gallery_index(
    gallery: Path,
    *,
    type: IndexName = "exact",
    recall: float = DEFAULT_TARGET_RECALL,
    uri: str = "",
) -> None:
    """Choose what a gallery is searched with, for all searches from now on.

    Args:
        gallery: The gallery folder.
        type: Codes in memory (exact), lists of which a part is looked at (ivf), or a server
            (milvus).
        recall: Of ivf: the least share of the nearest 20 tiles that is to be found.
        uri: Of milvus: its address, such as http://localhost:19530, or a file that ends in .db.
    """
    from rsh.gallery.searcher import describe_index
    from rsh.gallery.writer import index_gallery

    opened = index_gallery(gallery, type, recall=recall, uri=uri)
    described = describe_index(opened.info["index"], opened.searcher)
    print(f"{gallery}: {len(opened.searchable):,} tiles, {described}")
