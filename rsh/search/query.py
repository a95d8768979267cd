"""What a gallery is searched with (`Query`), and how (`SearchOptions`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from rsh.codes.binary import Packed
from rsh.codes.encodings import Encodings
from rsh.config import Measure, check_number
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.placeholder import draw_code
from rsh.gallery.segment import THUMB_SIDE
from rsh.io.arrays import read_numbers
from rsh.labels import UNLABELED

if TYPE_CHECKING:
    from PIL import Image

LOOK_WEIGHTS = (0.001, 1000.0)  # limits
Sign = Literal["positive", "negative"]


@dataclass(frozen=True, eq=False)
class QueryImage:
    """An image, a vector or a text, which is no tile of the gallery.

    Attributes:
        name: its file, or what to call it; of a text the words.
        thumbnail: JPEG bytes; of a vector or a text, a drawing of its code.
        encodings: its code, relaxed code and features, one row each.
        note: how it was converted to 8-bit RGB, if it was.
        is_text: whether it is a text.
        composites: thumbnails likewise of a raster's bands, by the name of the composite.
    """

    name: str
    thumbnail: bytes
    encodings: Encodings
    note: str = ""
    is_text: bool = False
    composites: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of_text(cls, gallery: Gallery, text: str, encodings: Encodings) -> "QueryImage":
        """Return a text, with its encodings in a gallery."""
        thumbnail = draw_code(encodings.packed[0], gallery.num_bits)
        return cls(" ".join(text.split()), thumbnail, encodings, is_text=True)


@dataclass(frozen=True)
class Query:
    """One tile or image to search with, and tiles given as relevance feedback.

    Queries are equal if they name the same rows and the same image object.

    Attributes:
        row: of the query in the gallery; None for an image.
        image: the image; given if and only if there is no row.
        positive: rows of tiles that the results should resemble, see `rsh.search.feedback`.
        negative: rows of tiles that the results should not resemble.
    """

    row: int | None = None
    image: QueryImage | None = None
    positive: tuple[int, ...] = ()
    negative: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if (self.row is None) == (self.image is None):
            raise InputError("a query is either a row of the gallery or an image: give one")
        _check_feedback(self.row, self.positive, self.negative)

    @classmethod
    def of_tile(
        cls,
        gallery: Gallery,
        tile: str,
        *,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
    ) -> "Query":
        """Make a query of a tile of the gallery.

        Args:
            gallery: an opened gallery.
            tile: its id.
            positive: ids of tiles that the results should resemble.
            negative: ids of tiles that the results should not resemble.

        Raises:
            InputError: an id is unknown, that of the query, or given twice.
        """
        marked = _feedback_rows(gallery, tile, positive, negative)
        return cls(gallery.find_row(tile), **marked)

    @classmethod
    def of_image(
        cls,
        gallery: Gallery,
        image: "str | Path | Image.Image",
        *,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
        run: Path | None = None,
    ) -> "Query":
        """Make a query of an image, encoded by the model that made the gallery.

        Args:
            gallery: an opened gallery.
            image: a path or an opened image, of any size and mode.
            positive: ids of tiles that the results should resemble.
            negative: ids of tiles that the results should not resemble.
            run: run folder of the model, if it has moved.

        Raises:
            InputError: the image cannot be read, the model is gone, or an id is wrong.
        """
        from rsh.data.images import to_jpeg
        from rsh.encoding.query import draw_query, open_query_encoder  # Pillow, and perhaps torch

        marked = _feedback_rows(gallery, None, positive, negative)
        encode = open_query_encoder(gallery, run=run)
        drawn = draw_query(gallery, image)
        path = image if isinstance(image, str | Path) else getattr(image, "filename", "")
        encodings = encode([image if gallery.manifest.model.bands else drawn[""]])
        thumbs = {name: to_jpeg(each, side=2 * THUMB_SIDE) for name, each in drawn.items()}
        made = QueryImage(str(path) or "image", thumbs.pop(""), encodings, composites=thumbs)
        return cls(image=made, **marked)

    @classmethod
    def of_vector(
        cls,
        gallery: Gallery,
        vector: "ArrayLike | Path",
        *,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
        run: Path | None = None,
    ) -> "Query":
        """Make a query of a vector, for a gallery that was made from embeddings.

        Args:
            gallery: an opened gallery.
            vector: its numbers, (dim,) or (1, dim); or a .npy file of them.
            positive: ids of tiles that the results should resemble.
            negative: ids of tiles that the results should not resemble.
            run: run folder of the model, if it has moved.

        Raises:
            InputError: the file or the vector cannot be used, the model is gone, or an id is wrong.
        """
        from rsh.encoding.query import encode_vector  # torch

        marked = _feedback_rows(gallery, None, positive, negative)
        name = str(vector) if isinstance(vector, Path) else "vector"
        numbers = read_numbers(vector) if isinstance(vector, Path) else vector
        made = encode_vector(gallery, numbers, run=run)
        thumbnail = draw_code(made.packed[0], gallery.num_bits)
        return cls(image=QueryImage(name, thumbnail, made), **marked)

    @classmethod
    def of_text(
        cls,
        gallery: Gallery,
        text: str,
        *,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
        run: Path | None = None,
    ) -> "Query":
        """Make a query of a text, for a gallery of a backbone with a text tower.

        Args:
            gallery: an opened gallery.
            text: what to find, such as "solar farm".
            positive: ids of tiles that the results should resemble.
            negative: ids of tiles that the results should not resemble.
            run: run folder of the model, if it has moved.

        Raises:
            InputError: there is no text tower, the text cannot be used, the model is gone, or an id
                is wrong.
        """
        from rsh.encoding.text import open_text_encoder  # torch

        marked = _feedback_rows(gallery, None, positive, negative)
        made = open_text_encoder(gallery, run=run)([text])
        return cls(image=QueryImage.of_text(gallery, text, made), **marked)

    @property
    def is_text(self) -> bool:
        """Whether it is a text."""
        return self.image is not None and self.image.is_text

    @property
    def has_feedback(self) -> bool:
        """Whether any tile is marked positive or negative."""
        return bool(self.positive or self.negative)

    @property
    def excluded(self) -> tuple[int, ...]:
        """Rows that are never among the results: the query's own and those of the feedback."""
        own = () if self.row is None else (self.row,)
        return (*own, *self.positive, *self.negative)

    def mark(self, row: int, sign: Sign) -> "Query":
        """Mark a tile as "positive" or "negative"; the same mark again removes it.

        Raises:
            InputError: the tile is the query, or there is no such sign.
        """
        if sign not in get_args(Sign):
            raise InputError("choose positive or negative", parameter="sign", value=sign)
        if row == self.row:
            raise InputError("this tile is the query itself: mark other tiles")
        marks: dict[str, Any] = {
            name: tuple(other for other in getattr(self, name) if other != row)
            for name in get_args(Sign)
        }
        if row not in getattr(self, sign):
            marks[sign] += (row,)
        return replace(self, **marks)

    def name(self, gallery: Gallery) -> str:
        """Id of the tile, name of the image, or the words of the text."""
        return self.image.name if self.image else gallery.ids[self._row]

    def label_set(self, gallery: Gallery) -> int:
        """Number of its set of labels; UNLABELED for an image, or a tile without a label."""
        return UNLABELED if self.row is None else int(gallery.label_sets[self.row])

    def encodings(self, gallery: Gallery) -> Encodings:
        """Code, relaxed code and features of the query, one row each."""
        return self.image.encodings if self.image else gallery.encoded(self._row)

    def packed(self, gallery: Gallery) -> Packed:
        """The query's code, (1, bytes) uint8."""
        return self.image.encodings.packed if self.image else gallery.packed[[self._row]]

    def thumbnail(self, gallery: Gallery) -> bytes:
        """The query as a small image, in the composite that a gallery shows, JPEG bytes."""
        if not self.image:
            return gallery.thumbnail(self._row)
        return self.image.composites.get(gallery.composite_name, self.image.thumbnail)

    @property
    def _row(self) -> int:
        assert self.row is not None
        return self.row


@dataclass(frozen=True)
class SearchOptions:
    """How many tiles a search finds, among which, and what they are ranked by.

    Attributes:
        top_k: how many tiles; by default 20, or all if there are fewer.
        radius: instead, all tiles at most so many bits away.
        rerank: reorder the nearest tiles by a finer measure, see `rsh.search.rerank.score`.
        rerank_depth: how many of the nearest tiles are reordered, top_k or more, and all that tie
            with the last of them; by default 100, or all if there are fewer. Within a radius it is
            all that lies there.
        look_weight: of a look bit, in class bits, if rerank is "weighted-bits"; by default 2.
        filter: conditions on the tiles that may be found.
        include_held_out: whether held-out tiles, those of the query split, may be found, too.
    """

    top_k: int | None = None
    radius: int | None = None
    rerank: Measure | None = None
    rerank_depth: int | None = None
    look_weight: float | None = None
    filter: Filter = NO_FILTER
    include_held_out: bool = False

    def __post_init__(self) -> None:
        if self.top_k is not None and self.radius is not None:
            raise InputError(
                "top_k and radius exclude each other, give one of them",
                parameter="radius",
                value=self.radius,
            )
        if self.rerank is not None and self.rerank not in get_args(Measure):
            raise InputError(
                f"choose one of {', '.join(get_args(Measure))}",
                parameter="rerank",
                value=self.rerank,
            )
        if self.rerank_depth is not None and self.rerank is None:
            raise InputError(
                "it needs rerank, give both or neither",
                parameter="rerank_depth",
                value=self.rerank_depth,
            )
        if self.look_weight is not None:
            if self.rerank != "weighted-bits":
                raise InputError(
                    "it needs rerank=weighted-bits, give both or neither",
                    parameter="look_weight",
                    value=self.look_weight,
                )
            check_number("look_weight", self.look_weight, *LOOK_WEIGHTS)

    def given(self) -> dict[str, Any]:
        """Return the options that differ from their defaults, by name."""
        values = ((field, getattr(self, field.name)) for field in fields(self))
        return {field.name: value for field, value in values if value != field.default}

    def among(self) -> dict[str, Any]:
        """Return which tiles may be found, as the arguments of a gallery's methods."""
        return {"filter": self.filter, "include_held_out": self.include_held_out}

    def check_with_feedback(self) -> None:
        """Refuse options that relevance feedback, which scores all tiles, leaves without effect.

        Raises:
            InputError: radius or rerank is given.
        """
        for name in ("radius", "rerank"):
            value = getattr(self, name)
            if value is not None:
                why = "with positive or negative tiles, all tiles are scored"
                raise InputError(f"{why}; leave it out", parameter=name, value=value)


def check_row(gallery: Gallery, row: object) -> None:
    """Refuse what is no row of a gallery.

    Raises:
        InputError: it is not 0 to the number of tiles less one.
    """
    if isinstance(row, bool) or not (isinstance(row, int | np.integer) and 0 <= row < len(gallery)):
        raise InputError(f"there is no tile {row}: choose 0 to {len(gallery) - 1}")


def _feedback_rows(
    gallery: Gallery, tile: str | None, positive: Sequence[str], negative: Sequence[str]
) -> dict[str, Any]:
    """Return the rows of positive and of negative tiles."""
    rows = {
        "positive": tuple(gallery.find_row(each, parameter="positive") for each in positive),
        "negative": tuple(gallery.find_row(each, parameter="negative") for each in negative),
    }
    _check_feedback(tile, positive, negative)  # here, so that an error names ids and not rows
    return rows


def _check_feedback(query: object, positive: Sequence[Any], negative: Sequence[Any]) -> None:
    for name, tiles in (("positive", positive), ("negative", negative)):
        for tile in tiles:
            if tile == query:
                raise InputError(
                    "this is the query itself, mark other tiles", parameter=name, value=tile
                )
            if [*positive, *negative].count(tile) > 1:
                raise InputError(
                    "this tile is marked twice, mark it once", parameter=name, value=tile
                )
