"""What the page is asked with, and what it is asked for: both are values, so that Back is exact."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from rsh.codes.binary import Packed
from rsh.codes.encodings import Encodings
from rsh.config import DEFAULT_TOP_K
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery

Mode = Literal["top_k", "radius"]
Order = Literal["bits", "features", "asymmetric"]  # the last two are `rsh.config.Measure`


@dataclass(frozen=True, eq=False)
class Image:
    """An image from elsewhere.

    Attributes:
        name: of its file, or what to call it.
        thumbnail: JPEG bytes.
        encoded: what the gallery's network says of it, one row.
    """

    name: str
    thumbnail: bytes
    encoded: Encodings


@dataclass(frozen=True)
class Question:
    """A tile or an image, and the tiles that a person has marked.

    Attributes:
        row: of the query in the gallery; None for an image.
        image: the image, if and only if there is no row.
        like: rows that the answer shall be like.
        unlike: rows that it shall be unlike.
    """

    row: int | None
    image: Image | None = None
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()

    @property
    def marked(self) -> bool:
        """Whether any tile is marked."""
        return bool(self.like or self.unlike)

    def mark(self, row: int, sign: str) -> "Question":
        """Mark a tile as "like" or "unlike"; the same mark a second time takes it away.

        Raises:
            InputError: it is the query, or no such mark.
        """
        if row == self.row:
            raise InputError("this tile is the query itself: mark other tiles")
        marks = {"like": self.like, "unlike": self.unlike}
        if sign not in marks:
            raise InputError(f"mark {sign!r}: choose like or unlike")
        had = row in marks[sign]
        marks = {name: tuple(r for r in rows if r != row) for name, rows in marks.items()}
        if not had:
            marks[sign] += (row,)
        return replace(self, like=marks["like"], unlike=marks["unlike"])

    def name(self, gallery: Gallery) -> str:
        """Id of the tile, or name of the image."""
        return self.image.name if self.image else str(gallery.items["id"].iloc[self._row])

    def encoded(self, gallery: Gallery) -> Encodings:
        """What the network says of the query, one row."""
        return self.image.encoded if self.image else gallery.encoded(self._row)

    def packed(self, gallery: Gallery) -> Packed:
        """The query's code, (1, bytes) uint8."""
        return self.image.encoded.packed if self.image else gallery.packed[[self._row]]

    @property
    def _row(self) -> int:
        assert self.row is not None
        return self.row


@dataclass(frozen=True)
class Way:
    """How to search.

    Attributes:
        mode: "top_k" for the nearest few, "radius" for all within some bits.
        top_k: how many are wanted.
        radius: Hamming radius, bits.
        order: "bits", or the finer measure by which the nearest are looked at again.
        where: conditions on the tiles that may be found.
    """

    mode: Mode = "top_k"
    top_k: int = DEFAULT_TOP_K
    radius: int = 2
    order: Order = "bits"
    where: Filter = NO_FILTER

    def __post_init__(self) -> None:
        """Refuse words that are none of ours.

        Raises:
            InputError: no such mode or order.
        """
        if self.order not in get_args(Order):
            raise InputError(f"order {self.order!r}: choose one of {', '.join(get_args(Order))}")
        if self.mode not in get_args(Mode):
            raise InputError(f"search mode {self.mode!r}: choose {' or '.join(get_args(Mode))}")
