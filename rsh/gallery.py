"""The gallery: a folder of codes, features, thumbnails and a table, that can be searched.

The folder is all that a search or the page needs: no torch, no network, no original pictures.

    codes.npy           packed codes, (n, ceil(num_bits / 8)) uint8
    features.npy        L2-normalised projection-head output, (n, d) float16
    items.parquet       id, class, split and, where known, longitude, latitude, block
    thumbs.bin, .npy    JPEG bytes one after another, and the n + 1 offsets into them
    projection.parquet  feature_x, feature_y, code_x, code_y, once `rsh project` has run
    gallery.json        format, name, num_bits, model and data fingerprints, a sha256 of each file
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes import Codes, Packed, pack, unpack
from rsh.encoder import encoder_of
from rsh.engines import Engine, Hits, make_engine
from rsh.errors import InputError
from rsh.files import (
    check_place,
    explain_os_error,
    sha256,
    way_back,
    whole_file,
    whole_folder,
    write_json,
)
from rsh.heads import FILES, FORMAT, PROJECTION, read_head

if TYPE_CHECKING:
    from PIL import Image

    from rsh.model import HashNet
    from rsh.scenes import Scenes


class Gallery:
    """An opened gallery folder.

    Items that may be found are those outside the "query" split, so that a figure taken from
    the gallery keeps to the disjoint protocol. Row numbers of `items` are the ids in `Hits`.

    Attributes:
        folder: where it lies.
        info: the contents of gallery.json.
        items: one row an item: id, class, split (train, val, query, or empty) and, where known,
            longitude and latitude in degrees.
        num_bits: code length, bits.
        packed: (n, ceil(num_bits / 8)) uint8.
    """

    def __init__(self, folder: Path, info: dict[str, Any]) -> None:
        """Use `Gallery.open`."""
        self.folder = folder
        self.info = info
        self.items = pd.read_parquet(folder / "items.parquet")
        self.num_bits: int = info["num_bits"]
        self.packed: Packed = np.load(folder / "codes.npy")
        self._offsets = np.load(folder / "thumbs.npy")
        self._thumbs = np.memmap(folder / "thumbs.bin", dtype=np.uint8, mode="r")

    @classmethod
    def open(cls, folder: str | Path) -> "Gallery":
        """Open a gallery and check that each file is as it was written.

        Raises:
            InputError: no gallery, a newer format, or a file that is missing, cut or altered.
        """
        folder = Path(folder)
        gallery = cls(folder, read_head(folder))
        gallery._check_sizes()
        return gallery

    @classmethod
    def build(cls, net: "HashNet", scenes: "Scenes", folder: str | Path | None = None) -> "Gallery":
        """Encode scenes into a new gallery folder; loads torch. See `rsh.encode.build_gallery`.

        Args:
            net: a trained network.
            scenes: the tiles.
            folder: where; galleries/NAME-BITS by default.
        """
        from rsh.encode import build_gallery  # torch, which a page must not pay for

        return build_gallery(
            net, scenes, Path(folder or Path("galleries") / f"{scenes.name}-{net.num_bits}")
        )

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Gallery({str(self.folder)!r}, {len(self)} items, {self.num_bits} bits)"

    @property
    def name(self) -> str:
        """What to call it on a page."""
        return str(self.info["name"])

    @cached_property
    def codes(self) -> Codes:
        """All codes, (n, num_bits) int8, only -1 and +1."""
        return unpack(self.packed, self.num_bits)

    @cached_property
    def features(self) -> NDArray[np.float16]:
        """All features, (n, d) float16, length 1, as a memory map."""
        features: NDArray[np.float16] = np.load(self.folder / "features.npy", mmap_mode="r")
        return features

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers in alphabetical order of the class names, (n,) int64."""
        return np.asarray(pd.factorize(self.items["class"], sort=True)[0], dtype=np.int64)

    @cached_property
    def classes(self) -> list[str]:
        """Class names in alphabetical order."""
        return sorted(self.items["class"].unique())

    @cached_property
    def searchable(self) -> NDArray[np.int64]:
        """Rows that a search may find: all that are not in the query split, ascending."""
        return np.flatnonzero(self.items["split"] != "query")

    @cached_property
    def projection(self) -> pd.DataFrame | None:
        """Columns feature_x, feature_y, code_x, code_y; None until `rsh project` has run."""
        file = self.folder / PROJECTION
        return pd.read_parquet(file) if file.exists() else None

    @property
    def has_map(self) -> bool:
        """Whether the items have a longitude and a latitude."""
        return {"longitude", "latitude"} <= set(self.items.columns)

    def thumb(self, row: int) -> bytes:
        """Return the JPEG bytes of one thumbnail."""
        start, stop = self._offsets[row : row + 2]
        return self._thumbs[start:stop].tobytes()

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest items of each query, in the order (distance, row).

        Args:
            query_packed: (q, bytes) uint8, codes of the same model.
            top_k: how many, 1 to the number of searchable items.

        Returns:
            One Hits a query; ids are rows of `items`.

        Raises:
            InputError: wrong width or type, or top_k out of range.
        """
        return [self._rows(hits) for hits in self._engine.search(query_packed, top_k=top_k)]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all items at most radius bits away from each query, in the order (distance, row).

        Raises:
            InputError: wrong width or type, or radius outside 0 to num_bits.
        """
        return [self._rows(hits) for hits in self._engine.within(query_packed, radius=radius)]

    def encode(
        self, picture: "str | Path | Image.Image", *, run: str | Path | None = None
    ) -> Packed:
        """Encode one picture with the model that made this gallery.

        That takes torch, or where `rsh export` has left an encoder in the run folder, onnxruntime.

        Args:
            picture: a path or an opened picture, of any size and mode.
            run: run folder of the model, if it has moved.

        Returns:
            Packed code, (1, bytes) uint8.

        Raises:
            InputError: the picture cannot be read, or the model is gone or has changed.
        """
        if encoder := encoder_of(self.info["model"], run):
            return pack(encoder.encode([picture]))
        from rsh.encode import encode_pictures, model_of  # torch

        return pack(encode_pictures(model_of(self, run), [picture]).codes)

    def _check_sizes(self) -> None:
        """Refuse a head that contradicts the files."""
        noted, bits = self.info["num_items"], self.info["model"].get("num_bits", self.num_bits)
        sizes = {len(self.items), len(self.packed), len(self._offsets) - 1}
        width = -(-self.num_bits // 8)
        if sizes != {noted} or self.packed.shape[1] != width or bits != self.num_bits:
            raise InputError(
                f"{self.folder}/gallery.json says {noted} tiles of {self.num_bits} bits, "
                f"its files hold others: {way_back('gallery')}"
            )

    @cached_property
    def _engine(self) -> Engine:
        return make_engine(self.packed[self.searchable], self.num_bits)

    def _rows(self, hits: Hits) -> Hits:
        return Hits(self.searchable[hits.ids], hits.distances)


def check_new_gallery(folder: Path) -> None:
    """Refuse a folder that holds something else than a gallery, or that cannot be written.

    Raises:
        InputError: it does.
    """
    for place in (folder, folder.absolute().parent):  # it is written beside, then renamed
        check_place(place)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "gallery.json").exists():
        raise InputError(f"{folder} holds something that is no gallery: choose another --output")


def write_gallery(
    folder: Path,
    *,
    info: dict[str, Any],
    items: pd.DataFrame,
    codes: Codes,
    features: NDArray[np.float16],
    thumbs: Iterable[bytes],
) -> Gallery:
    """Write a gallery folder, whole or not at all, and open it.

    Args:
        folder: where; a gallery that is already there is replaced in one step.
        info: name and fingerprints for gallery.json.
        items: the table, n rows.
        codes: (n, num_bits), only -1 and +1.
        features: (n, d) float16, length 1.
        thumbs: n JPEG pictures, read one at a time.

    Raises:
        InputError: the folder cannot be written, or holds something else.
    """
    check_new_gallery(folder)
    with whole_folder(folder) as temporary:
        np.save(temporary / "codes.npy", pack(codes))
        np.save(temporary / "features.npy", features.astype(np.float16))
        items.reset_index(drop=True).to_parquet(temporary / "items.parquet")
        offsets = [0]
        with (temporary / "thumbs.bin").open("wb") as stream:
            for thumb in thumbs:
                offsets.append(offsets[-1] + stream.write(thumb))
        np.save(temporary / "thumbs.npy", np.array(offsets, dtype=np.int64))
        if not len(codes) == len(features) == len(items) == len(offsets) - 1:
            raise InputError(
                f"{len(items)} items, {len(codes)} codes, {len(features)} features, "
                f"{len(offsets) - 1} thumbnails: need one each"
            )
        checksums = {name: sha256(temporary / name) for name in FILES}
        head = {"format": FORMAT, "num_bits": codes.shape[1], "num_items": len(items)}
        write_json(temporary / "gallery.json", head | info | {"files": checksums})
    return Gallery.open(folder)


def write_projection(gallery: Gallery, projection: pd.DataFrame) -> None:
    """Add the projection to a gallery folder and enter its checksum.

    The file appears last: killed before that, the gallery counts as not projected, and `make`
    projects it again.

    Args:
        gallery: an opened gallery.
        projection: feature_x, feature_y, code_x, code_y, one row an item.
    """
    file = gallery.folder / PROJECTION
    with explain_os_error(file):
        file.unlink(missing_ok=True)
    with whole_file(file) as stream:
        content = projection.to_parquet()
        gallery.info["files"][PROJECTION] = hashlib.sha256(content).hexdigest()
        write_json(gallery.folder / "gallery.json", gallery.info)
        stream.write(content)
    gallery.__dict__.pop("projection", None)  # forget the cached answer
