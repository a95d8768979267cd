"""Colors of the dots in the maps: one small number per tile, and words for a legend."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.errors import InputError
from rsh.explorer.panels.cards import MAX_CARDS
from rsh.explorer.panels.tiles import SPLITS
from rsh.gallery.annotations.overlay import choose_labels
from rsh.gallery.gallery import Gallery
from rsh.search.results import SearchResult
from rsh.text import humanize, plural

STEPS = 255  # of a scale of numbers: finer than the eye can see, and one byte per tile
MAX_NAMES = 60  # a column with more texts than this holds remarks, not classes
LONGEST = 40  # characters, so that a text fits its chip
STANDARD = ("id", "class", "split", "longitude", "latitude", "block", "footprint")
COLUMN = "column:"  # before the name of a column of the items table
WITH_QUERY = ("distance", "found")  # those that another query changes
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def list_ways(gallery: Gallery) -> list[tuple[str, str]]:
    """Return what the tiles of a gallery can be colored by: pairs of a name and its words."""
    ways = [("class", "class")] if gallery.classes else []
    ways.append(("distance", "distance from the query"))
    ways.append(("given", "given label"))
    if (_splits(gallery) >= 0).any():
        ways.append(("split", "split"))
    ways.append(("found", "relevance of results" if gallery.label_names else "results"))
    return ways + [(f"{COLUMN}{name}", humanize(name)) for name in _others(gallery)]


def make_coloring(result: SearchResult, by: str) -> dict[str, Any]:
    """Return what a browser needs to color all tiles by one of `list_ways`, and to explain it.

    A value is an index of `names` or a step of the scale, 0 to `num_values` - 1; `num_values`
    itself means unknown.

    Returns:
        by: the way.
        names: one for each value; none for a scale.
        colors: roles such as "right", one a name; none for those of classes.
        ends: words at both ends of a scale; none for names.
        strong: which end of a scale contrasts with the background, "low" or "high".
        missing: what the value for unknown means.
        num_missing: how many tiles have it.
        num_values: number of the other values.
        layers: ranges of values, (first, last + 1), in the order in which they are drawn.
        values: bytes of uint8, or of uint16 where num_values is above 255, one per tile.
        wide: whether they are uint16.

    Raises:
        InputError: there is no such way.
    """
    gallery = result.gallery
    if by == "class" and gallery.classes:
        names = [humanize(name) for name in gallery.classes]
        return _packed(by, gallery.labels, names=names, missing="no class")
    if by == "given":
        given, numbers = choose_labels(gallery, gallery.annotations.state, "given")
        return _packed(by, numbers, names=[humanize(name) for name in given], missing="none given")
    if by == "distance":
        return _by_distance(gallery, result.query.packed(gallery))
    if by == "split":
        return _packed(by, _splits(gallery), names=list(SPLITS.values()))
    if by == "found":
        return _by_relevance(result)
    name = by.removeprefix(COLUMN)
    if not by.startswith(COLUMN) or name not in _others(gallery):
        ways = ", ".join(way for way, _ in list_ways(gallery))
        raise InputError(f"color by {by!r}: choose one of {ways}")
    return _by_column(by, gallery.table[name])


def _splits(gallery: Gallery) -> NDArray[np.int64]:
    """Return the number of each tile's split in `SPLITS`, -1 for none, (n,)."""
    names, numbers = gallery.table.categories("split")
    known = list(SPLITS)
    places = [known.index(name) if name in known else -1 for name in names]
    return np.asarray(np.array(places, np.int64)[numbers])


def _by_distance(gallery: Gallery, query_packed: Packed) -> dict[str, Any]:
    """Color by the bits that differ from the query's code; the nearest are drawn last."""
    bits = gallery.num_bits
    distances = gallery.distances(query_packed)
    near_last = [(bits // 2, bits + 1), (bits // 4, bits // 2), (0, bits // 4)]
    return _packed(
        "distance",
        distances,
        num_values=bits + 1,
        ends=[plural(0, "bit"), plural(bits, "bit")],
        strong="low",
        layers=near_last,
    )


def _by_relevance(result: SearchResult) -> dict[str, Any]:
    """Color the tiles shown by whether they are relevant, as far as that is known."""
    values, shown = np.full(len(result.gallery), -1), result.take(slice(MAX_CARDS))
    relevant = shown.relevant
    if relevant is None:
        values[shown.rows] = 0
        names, roles = ["result"], ["accent"]
    else:
        values[shown.rows] = np.where(shown.judged, ~relevant, 2)
        words = result.gallery.relevance
        names, roles = [words.same, words.other], ["right", "wrong"]
        if result.gallery.num_labeled < len(result.gallery):
            names, roles = [*names, f"no {words.label}"], [*roles, "accent"]
    return _packed("found", values, names=names, colors=roles, missing="not a result")


def _by_column(by: str, column: pd.Series) -> dict[str, Any]:
    if _is_number(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return _on_scale(by, numbers, "{:g}".format)
    if _are_days(column):
        return _on_scale(by, _seconds(column), _day)
    codes, names = pd.factorize(_texts(column), sort=True)
    return _packed(by, codes, names=[humanize(name) for name in names])


def _on_scale(
    by: str, numbers: NDArray[np.float64], write: Callable[[float], str]
) -> dict[str, Any]:
    """Bring numbers to the steps of a scale from the least to the largest."""
    known = np.isfinite(numbers)
    low, high = numbers[known].min(), numbers[known].max()
    values = np.full(len(numbers), -1)
    values[known] = np.round((numbers[known] - low) / ((high - low) or 1) * (STEPS - 1))
    return _packed(by, values, num_values=STEPS, ends=[write(low), write(high)])


def _packed(
    by: str,
    values: NDArray[Any],
    *,
    names: Sequence[str] = (),
    num_values: int = 0,
    colors: Sequence[str] = (),
    ends: Sequence[str] = (),
    strong: str = "high",
    missing: str = "unknown",
    layers: Sequence[tuple[int, int]] = (),
) -> dict[str, Any]:
    """Make a coloring; values below 0 are unknown."""
    num_values = num_values or len(names)
    wide = num_values > np.iinfo(np.uint8).max
    whole = np.where(values < 0, num_values, values).astype(np.uint16 if wide else np.uint8)
    return {
        "by": by,
        "names": list(names),
        "colors": list(colors),
        "ends": list(ends),
        "strong": strong,
        "missing": missing,
        "num_missing": int((values < 0).sum()),
        "num_values": num_values,
        "layers": [(num_values, num_values + 1), *(layers or [(0, num_values)])],
        "values": whole.tobytes(),
        "wide": wide,
    }


def _others(gallery: Gallery) -> list[str]:
    """Return the columns that colors can show, without those that every gallery has."""
    items = gallery.table
    return [name for name in items.columns if name not in STANDARD and _fits(items[name])]


def _fits(column: pd.Series) -> bool:
    """Whether colors can show a column."""
    if _is_number(column):
        return bool(np.isfinite(column.to_numpy(dtype=np.float64, na_value=np.nan)).any())
    if _are_days(column):
        return bool(np.isfinite(_seconds(column)).any())
    known = _texts(column)
    if known.head(1000).nunique() > MAX_NAMES:  # a sample decides for a million texts
        return False
    names = known.dropna().unique()
    return 0 < len(names) <= MAX_NAMES and max(map(len, names)) <= LONGEST


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _texts(column: pd.Series) -> pd.Series:
    """Return a column as texts, with NA for empty ones."""
    texts = column.astype("string")
    return texts.mask(texts.str.strip() == "")


def _are_days(column: pd.Series) -> bool:
    """Whether a column seems to hold dates such as 2021-06-30, perhaps with a time of day."""
    known = _texts(column.dropna().head(100)).dropna()
    return bool(len(known)) and bool(known.str.match(DAY).all())


def _seconds(column: pd.Series) -> NDArray[np.float64]:
    """Return dates as seconds since 1970, NaN where there is none."""
    days = pd.to_datetime(_texts(column), format="ISO8601", utc=True, errors="coerce")
    seconds = days.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(np.float64))


def _day(second: float) -> str:
    return str(np.datetime64(int(second), "s"))[:10]
