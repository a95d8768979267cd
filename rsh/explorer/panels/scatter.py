"""Maps of all tiles as points: feature space, hash space and the world are one widget."""

from typing import Any, NamedTuple

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from rsh.data.places import parse_rings
from rsh.data.sample import EARTH
from rsh.explorer.basemap import Basemap
from rsh.explorer.panels.cards import MAX_CARDS, shown_hits
from rsh.explorer.panels.panel import Panel
from rsh.explorer.selection import MAX_SELECTED
from rsh.gallery.footprints import open_footprints
from rsh.gallery.gallery import Gallery
from rsh.gallery.ids import NO_ROW
from rsh.search.results import SearchResult

# Heading, exact term, and how to read it.
_FEATURES = "Tiles that are close together have similar features. They"
_PROJECTION = (
    "projection head, cosine",
    f"{_FEATURES} come from the projection head, a branch beside the bits.",
)
_BOTH = (
    "projection and look, cosine",
    f"{_FEATURES} are the output of the projection head, which follows the classes, and {{look}} "
    "principal components of what a tile looks like, side by side.",
)
_LOOK = (
    "look, cosine",
    f"{_FEATURES} are {{look}} principal components of what a tile looks like.",
)
_CODES = (
    "{num_bits} bits, Hamming",
    "Tiles that are close together have codes that differ in few bits. The search uses these.",
)
_WORLD = (
    "World",
    "longitude and latitude",
    "The search does not use locations: its results may be far apart.",
)


class Space(NamedTuple):
    """A space in words.

    Attributes:
        space: "feature", "code" or "world".
        heading: in plain words.
        term: the exact term.
        caption: how to read it.
    """

    space: str
    heading: str
    term: str
    caption: str


class ScatterPanel(Panel, script="scatter.js"):
    """All tiles as points; sends {"kind": "choose", "row"} and {"kind": "peek", "row"}.

    It asks for the points with {"kind": "dots"}: the results, far fewer bytes, are shown before.
    Their colors, and what is selected, come from the `Legend` of the page.

    Attributes:
        heading: of the map, in plain words.
        term: the exact term beside it.
        caption: how to read it.
        space: "feature", "code" or "world", whose x and y are degrees of longitude and latitude.
        xy: float32 pairs, one per tile, NaN without coordinates; nothing before they are asked for.
        background: JPEG of the whole Earth in plate carree, or nothing.
        basemap: an online map, see `Basemap.view`; empty unless who serves names one.
        scenes: how many overviews of scenes there are; {"kind": "scenes"} asks for them, and
            {"kind": "scene", "bounds"} brings each.
        tile_width: of a typical footprint, degrees; 0 without footprints. {"kind": "footprints",
            "view", "tolerance"} asks for those in a view.
        most: how many tiles can be selected.
        marks: query, query_code, num_bits, hits as (row, relevant), on the map rings: by row the
            corners of its footprint, if known; regions: the rings of those that a filter names; and
            spots: where a visitor's own image belongs.
    """

    heading = traitlets.Unicode().tag(sync=True)
    term = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    space = traitlets.Unicode().tag(sync=True)
    xy = traitlets.Bytes().tag(sync=True)
    background = traitlets.Bytes().tag(sync=True)
    basemap = traitlets.Dict().tag(sync=True)
    scenes = traitlets.Int().tag(sync=True)
    tile_width = traitlets.Float().tag(sync=True)
    most = traitlets.Int(MAX_SELECTED).tag(sync=True)
    marks = traitlets.Dict().tag(sync=True)

    def __init__(self, points: ArrayLike, **traits: Any) -> None:
        """Take the points, (n, 2), which are not copied before they are sent."""
        super().__init__(**traits)
        self._points = points

    def send_dots(self) -> None:
        """Send the points."""
        self.xy = np.ascontiguousarray(self._points, dtype=np.float32).tobytes()


def make_maps(gallery: Gallery, page: str) -> list[ScatterPanel]:
    """Return the maps a gallery has coordinates for: features, codes, world."""
    planes = []
    marks = {"query": -1, "query_code": "", "num_bits": gallery.num_bits, "hits": []}
    for space in list_spaces(gallery):
        is_world = space.space == "world"
        points: Any = gallery.positions if is_world else getattr(gallery.planes, space.space)
        plane = ScatterPanel(points, page=page, marks=marks, **space._asdict())
        if is_world:
            _lay_ground(plane, gallery)
        planes.append(plane)
    gallery.forget_pages()
    return planes


def list_spaces(gallery: Gallery) -> list[Space]:
    """Return the spaces that a gallery has coordinates for: features, codes, world."""
    spaces = []
    if gallery.planes is not None:
        for space, heading, (term, caption) in (
            ("feature", "Features", feature_words(gallery)),
            ("code", "Codes", _CODES),
        ):
            trusted = f"{caption} {trust_words(gallery, space)}".strip()
            spaces.append(Space(space, heading, term.format(num_bits=gallery.num_bits), trusted))
    if gallery.positions is not None and np.isfinite(gallery.positions[:, 0]).any():
        spaces.append(Space("world", *_WORLD))
    return spaces


def _lay_ground(world: ScatterPanel, gallery: Gallery) -> None:
    """Set what lies below the dots of the map."""
    world.background = EARTH.read_bytes() if EARTH.exists() else b""
    online = Basemap.from_environment()
    world.basemap = online.view() if online else {}
    world.scenes = len(gallery.backgrounds)
    footprints = open_footprints(gallery)
    world.tile_width = 2 * footprints.reach[0] if footprints.are_known else 0.0


def trust_words(gallery: Gallery, space: str) -> str:
    """Say how far a plane can be trusted, "" where that was not measured."""
    info = gallery.manifest.projection
    plane = getattr(info, space) if info else None
    if plane is None:
        return ""
    return (
        f"{plane.kept:.0%} of a tile's ten nearest dots are its ten nearest tiles "
        f"(trustworthiness {plane.trustworthiness:.2f}): trust near dots, not gaps or sizes."
    )


def feature_words(gallery: Gallery) -> tuple[str, str]:
    """Return what the features of a gallery are: the exact term, and how to read their map.

    With look bits they are the projection and the look side by side; without labels the projection
    has no share, and is zero.
    """
    if not gallery.look_bits:
        return _PROJECTION
    length = gallery.manifest.model.feature_dim
    term, caption = _BOTH if gallery.features[:1, :length].any() else _LOOK
    return term, caption.format(look=gallery.features.shape[1] - length)


def marks_view(result: SearchResult) -> dict[str, Any]:
    """Return the `ScatterPanel.marks` of a result."""
    shown, row = result.take(slice(MAX_CARDS)), result.query.row
    rows = shown.rows.tolist()
    return {
        "spots": _spots(result),
        "rings": _rings(result.gallery, rows if row is None else [*rows, row]),
        "regions": result.options.filter.outlines(),
        "query": NO_ROW if row is None else row,
        "query_code": result.code,
        "num_bits": result.gallery.num_bits,
        "hits": [[hit.row, hit.relevant] for hit in shown_hits(result)],
    }


def _spots(result: SearchResult) -> dict[str, list[float]]:
    """Return where in each plane an image that is no tile of the gallery belongs."""
    gallery, query = result.gallery, result.query
    if query.row is not None or gallery.planes is None:
        return {}
    from rsh.gallery.place import place_in_planes  # not before an image comes

    (spot,) = place_in_planes(gallery, query.encodings(gallery)).tolist()
    return {"feature": spot[:2], "code": spot[2:]}


def _rings(gallery: Gallery, rows: list[int]) -> dict[str, list[list[list[float]]]]:
    if not gallery.has_map or "footprint" not in gallery.table:
        return {}
    texts = gallery.table.take(rows, ["footprint"])["footprint"]
    found = {str(row): parse_rings(text) for row, text in zip(rows, texts, strict=True)}
    return {row: rings for row, rings in found.items() if rings}
