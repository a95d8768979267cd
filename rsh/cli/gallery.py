"""The commands that look after a gallery: `rsh gallery info | check | add | remove | ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rsh.cli.data import (
    NO_COLUMNS,
    NO_TILING,
    NO_VALUES,
    ColumnFlags,
    TilingFlags,
    ValueFlags,
)
from rsh.cli.parser import Settings, Texts
from rsh.config import DEFAULT_TARGET_RECALL, IndexName
from rsh.labels import LabelSource, describe_labels
from rsh.text import plural

if TYPE_CHECKING:
    from rsh.gallery.gallery import Gallery


def gallery_info(gallery: Path, /) -> None:
    """Show a summary of a gallery.

    Args:
        gallery: Gallery folder.
    """
    from rsh.data.rendering import AS_IS
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.searcher import describe_index
    from rsh.metrics.ranking import distinct_codes
    from rsh.text import align_columns

    opened = Gallery.open(gallery)
    manifest, segments = opened.manifest, opened.manifest.segments
    several = opened.has_several
    known = describe_labels(
        len(opened), opened.num_labeled, len(opened.label_names), several=several
    )
    removed = sum(len(segment.removed) for segment in segments)
    look = f", {opened.look_bits} of them look bits" if opened.look_bits else ""
    lines = [
        ("name", opened.name),
        ("tiles", f"{len(opened):,}, {known}"),
        ("searchable", f"{len(opened.searchable):,}, all but queries"),
        (
            "codes",
            f"{plural(opened.num_bits, 'bit')}{look}, {distinct_codes(opened.packed):,} distinct",
        ),
        ("coordinates", "known" if opened.has_map else "unknown"),
        ("images", _describe_images(opened)),
        ("projection", _describe_projection(opened)),
        ("groups", _describe_groups(opened)),
        ("version", f"{manifest.version}, in {plural(len(segments), 'segment')}"),
        ("removed", f"{removed:,}, on disk until `rsh gallery merge`"),
        ("search", describe_index(manifest.index, opened.searcher)),
        ("made by", manifest.model.run or "an unknown run"),
    ]
    if opened.backgrounds:
        lines.insert(6, ("background", f"{plural(len(opened.backgrounds), 'image')} of scenes"))
    if learned := manifest.learned:
        classes = plural(len(learned.report.classes), "class")
        lines.append(("learned from", f"{plural(learned.report.labels, 'label')} of {classes}"))
    if manifest.data.rendering != AS_IS and not opened.composites:
        lines.insert(4, ("rasters", manifest.data.rendering.described()))
    if bands := manifest.model.sees:
        lines.insert(4, ("bands", bands.described()))
    for shown in reversed(opened.describe_composites()):
        stretch = dict.fromkeys(zip(shown["black"], shown["white"], strict=True))
        ends = ", ".join(f"{black:g} to {white:g}" for black, white in stretch)
        lines.insert(5, (shown["name"], f"{', '.join(shown['bands'])}; {ends} from black to white"))
    print(align_columns(lines, left=(0, 1)))


def _describe_images(gallery: "Gallery") -> str:
    if not gallery.has_images:
        return "none"
    side = gallery.manifest.preview
    return f"thumbnails, and previews of {side} pixels" if gallery.has_previews else "thumbnails"


def _describe_groups(gallery: "Gallery") -> str:
    from rsh.gallery.groups import AT_ONCE

    if gallery.manifest.groups and gallery.groups is not None:
        return f"{len(gallery.groups):,}, {len(gallery.groups.ungrouped):,} tiles in none"
    return "none: run `rsh groups`" if len(gallery) > AT_ONCE else "found when they are needed"


def _describe_projection(gallery: "Gallery") -> str:
    if gallery.planes is None:
        return "none: run `rsh project`"
    projection = gallery.manifest.projection
    if not projection or not projection.feature or not projection.code:
        return "available"
    shares = projection.feature.trustworthiness, projection.code.trustworthiness
    return "trustworthiness {:.3f} of features, {:.3f} of codes".format(*shares)


def gallery_check(gallery: Path, /) -> None:
    """Verify the checksum of every file of a gallery.

    Args:
        gallery: Gallery folder.
    """
    from rsh.gallery.writer import check_gallery

    opened = check_gallery(gallery)
    print(f"{gallery}: {plural(len(opened), 'tile')}, every file is as it was written")


def gallery_add(
    gallery: Path,
    data: str,
    /,
    *,
    run: Path | None = None,
    labels: LabelSource = "auto",
    tiling: Settings[TilingFlags] = NO_TILING,
    values: Settings[ValueFlags] = NO_VALUES,
    columns: Settings[ColumnFlags] = NO_COLUMNS,
) -> None:
    """Encode more tiles into a gallery.

    They are placed in its maps by the nearest tiles there. After large additions, `rsh project`
    makes better maps.

    Args:
        gallery: Gallery folder.
        data: Tiles to add: a folder of images, with one subfolder per class if they have classes,
            a zip of such a folder, shards, a scene, a fetched data set, or embeddings; see `rsh
            encode --help`.
        run: Run folder of the model, if it has moved.
        labels: Where labels come from: the class in items.csv, shards or folders, or else several
            labels a tile if the table has them (auto); several labels a tile, from the column
            labels or columns such as label:water (multi); or nowhere (none).
        tiling: Tiling options.
        values: Options of bands.
        columns: Options of embeddings.
    """
    from rsh.data.open import holds_embeddings, open_dataset
    from rsh.encoding.build import add_dataset
    from rsh.encoding.query import load_network
    from rsh.gallery.gallery import Gallery
    from rsh.training.run import Run

    there = Gallery.open(gallery)
    net, bands = load_network(there, run), values.read()
    usual = Run.open(run or there.manifest.model.run).columns
    dataset = open_dataset(
        data,
        tiling=tiling.read(),
        like=there.rendering_for(bands),
        labels=labels,
        columns=columns.read().over(usual) if holds_embeddings(data) else columns.read(),
        bands=bands,
        like_bands=net.bands,
    )
    opened = add_dataset(net, dataset, gallery)
    print(f"{gallery}: {plural(len(dataset), 'tile')} added, {len(opened):,} in all")


def gallery_remove(gallery: Path, /, *ids: Annotated[str, Parameter(required=True)]) -> None:
    """Remove tiles from a gallery.

    Args:
        gallery: Gallery folder.
        ids: Ids of the tiles.
    """
    from rsh.gallery.writer import remove_tiles

    opened = remove_tiles(gallery, ids)
    print(f"{gallery}: {plural(len(set(ids)), 'tile')} removed, {len(opened):,} are left")


def gallery_merge(*galleries: Annotated[Path, Parameter(required=True)], output: Path) -> None:
    """Merge galleries of one model into a new one, without removed tiles.

    Args:
        galleries: Gallery folders; a single one is rewritten.
        output: Gallery folder to create.
    """
    from rsh.gallery.writer import merge_galleries

    merged = merge_galleries(galleries, output)
    print(f"{output}: {plural(len(merged), 'tile')} from {plural(len(galleries), 'gallery')}")


def gallery_export(
    gallery: Path, output: Path, /, *, filter: Texts = (), points: bool = False
) -> None:
    """Write the tiles of a gallery into a file for a map: all columns, and where they lie.

    Tiles are areas where their footprints are known, and else points. Held-out tiles are among
    them. Once labels are recorded, there are the columns label, predicted (the class that is
    likeliest by all labels) and confidence.

    Args:
        gallery: Gallery folder.
        output: File to write: .gpkg (GeoPackage), .parquet (GeoParquet) or .geojson.
        filter: Write only tiles with class=forest,desert, or as in `rsh search --filter`; may be
            repeated.
        points: Write points also where footprints are known.
    """
    import numpy as np

    from rsh.cli.filters import read_filter
    from rsh.gallery.export import export_tiles
    from rsh.gallery.gallery import Gallery
    from rsh.search.formats.labels import label_columns

    opened = Gallery.open(gallery)
    more = label_columns(opened, np.arange(len(opened)))
    table = export_tiles(opened, output, filter=read_filter(filter), more=more, points=points)
    unknown = f", {table.num_unknown:,} without a place" if table.num_unknown else ""
    print(f"{output}: {plural(len(table), 'tile')}{unknown}")


def gallery_index(
    gallery: Path,
    /,
    *,
    type: IndexName = "exact",
    recall: Annotated[float, Parameter(name="--target-recall")] = DEFAULT_TARGET_RECALL,
    uri: str = "",
) -> None:
    """Choose the index of a gallery, for all later searches.

    Args:
        gallery: Gallery folder.
        type: All codes in memory (exact), inverted lists that are searched in part (ivf), or a
            Milvus server (milvus).
        recall: Target recall@20 (ivf only).
        uri: Address of the server, such as http://localhost:19530, or a file that ends in .db
            (milvus only).
    """
    from rsh.gallery.searcher import describe_index
    from rsh.gallery.writer import index_gallery

    opened = index_gallery(gallery, type, recall=recall, uri=uri)
    described = describe_index(opened.manifest.index, opened.searcher)
    print(f"{gallery}: {plural(len(opened.searchable), 'tile')}, {described}")
