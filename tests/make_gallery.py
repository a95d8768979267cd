"""A gallery in a second, without torch: real tiles of the sample, codes from random hyperplanes."""

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from rsh.codes.binary import pack
from rsh.data.images import to_jpeg
from rsh.data.places import footprint, wrap
from rsh.gallery.gallery import Gallery
from rsh.gallery.items import ItemTable, store_items
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.segment import GalleryTiles
from rsh.gallery.writer import write_gallery, write_projection

SAMPLE = Path(__file__).parents[1] / "data" / "bluemarble.zip"
WEBP = b"RIFF\x04\0\0\0WEBP"  # an image as far as it is looked at
PARTS_BITS = 12  # of the codes in `parts`


def tiny_gallery(
    folder: Path,
    *,
    num_tiles: int = 300,
    num_bits: int = 32,
    coordinates: bool = True,
    projection: bool = True,
    rename: dict[str, str] | None = None,
    more: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    look_bits: int = 0,
    vector_dim: int = 0,
    several: bool = False,
) -> Gallery:
    """Write a gallery of sample tiles whose codes know something of color and class.

    Args:
        folder: where.
        num_tiles: how many tiles, an even pick over all classes.
        num_bits: code length.
        coordinates: whether the tiles keep longitude and latitude.
        projection: whether the two planes are drawn.
        rename: new names for some classes, to try awkward ones.
        more: adds columns to the items table.
        look_bits: how many of the bits know colors alone, and the others classes alone.
        vector_dim: makes a gallery of embeddings of so many numbers, without images.
        several: whether tiles have several labels each, see `with_labels`.
    """
    rng = np.random.default_rng(0)
    table, jpegs = read_sample(num_tiles)
    seen, known = colors(jpegs), 1.1 * class_hint(table["class"])
    look = np.hstack([seen, known])
    axes = rng.normal(size=(look.shape[1], num_bits))
    if look_bits:
        axes[: seen.shape[1], :-look_bits] = axes[seen.shape[1] :, -look_bits:] = 0
    relaxed = look @ axes
    codes = np.where(relaxed >= 0, 1, -1).astype(np.int8)
    items = pd.DataFrame({"id": table["path"], "class": table["class"].replace(rename or {})})
    items["split"] = rng.choice(["train", "val", "query"], len(items), p=[0.65, 0.15, 0.2])
    if coordinates:
        items[["longitude", "latitude"]] = table[["longitude", "latitude"]].to_numpy()
    items = with_labels(items) if several else items
    items = more(items) if more else items
    features = look / np.linalg.norm(look, axis=1, keepdims=True)
    gallery = write(
        folder,
        info={
            "name": "tiny",
            "model": {
                "look_bits": look_bits,
                "backbone": f"embedding-{vector_dim}" if vector_dim else "",
            },
            "data": {"several_labels": several},
        },
        items=items,
        codes=codes,
        relaxed=relaxed,
        features=features,
        thumbnails=[b""] * len(jpegs) if vector_dim else jpegs,
    )
    if projection:
        planes = np.hstack([two_axes(look), two_axes(codes.astype(float))])
        names = ["feature_x", "feature_y", "code_x", "code_y"]
        write_projection(gallery, pd.DataFrame(planes, columns=names))
    return gallery


def with_labels(items: pd.DataFrame) -> pd.DataFrame:
    """Give tiles none to three labels: their class, and some that have nothing to do with it."""
    given = []
    for number, name in enumerate(items["class"]):
        names = {name, "sea_ice" if number % 3 else "", "wet" if number % 4 == 1 else ""} - {""}
        given.append(";".join(sorted(names)) if number % 7 else "")
    return items.assign(labels=given)


def write(folder: Path, *, info: dict[str, Any], **parts: Any) -> Gallery:
    """Write a gallery of these parts, see `tiles_of`."""
    num_bits = parts["codes"].shape[1]
    manifest = Manifest(
        info["name"], num_bits, ModelInfo(**info["model"]), DataInfo(**info["data"])
    )
    return write_gallery(folder, manifest, tiles_of(**parts))


def tiles_of(
    *,
    items: pd.DataFrame,
    codes: np.ndarray,
    features: np.ndarray,
    thumbnails: Iterable[bytes],
    relaxed: np.ndarray | None = None,
) -> GalleryTiles:
    """Put the parts of a segment together; relaxed codes are the codes unless they are given."""
    halves = [
        np.asarray(part, np.float16) for part in (codes if relaxed is None else relaxed, features)
    ]
    return GalleryTiles(items, pack(codes.astype(np.int8)), *halves, thumbnails)


def read_sample(num_tiles: int) -> tuple[pd.DataFrame, list[bytes]]:
    """Every k-th tile of the sample in the order of classes, as a table and JPEG bytes."""
    with zipfile.ZipFile(SAMPLE) as archive:
        name = next(name for name in archive.namelist() if name.endswith("items.csv"))
        table = pd.read_csv(io.BytesIO(archive.read(name))).sort_values(["class", "path"])
        chosen = np.linspace(0, len(table) - 1, num_tiles).round().astype(int)
        table = table.iloc[chosen].reset_index(drop=True)
        root = name.removesuffix("items.csv")
        return table, [archive.read(root + path) for path in table["path"]]


def colors(jpegs: list[bytes]) -> np.ndarray:
    """Describe each image by the colors of a 3 x 3 grid and their spread, (n, 33)."""
    rows = []
    for jpeg in jpegs:
        image = Image.open(io.BytesIO(jpeg)).convert("RGB")
        small = np.asarray(image.resize((3, 3), Image.Resampling.BOX), float).ravel()
        pixels = np.asarray(image, float).reshape(-1, 3)
        rows.append(np.concatenate([small, 3 * pixels.std(axis=0), 3 * pixels.mean(axis=0)]))
    look = np.array(rows)
    return (look - look.mean(axis=0)) / (look.std(axis=0) + 1e-9)


def class_hint(classes: pd.Series) -> np.ndarray:
    """Random axes a class, so that codes are about as right as those of a trained model."""
    numbers, names = pd.factorize(classes, sort=True)
    return np.random.default_rng(1).normal(size=(len(names), 8))[numbers]


def two_axes(rows: np.ndarray) -> np.ndarray:
    """Project onto the two directions of largest variance, with a little jitter for ties."""
    centered = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    jitter = np.random.default_rng(0).normal(scale=0.08, size=(len(rows), 2))
    return centered @ axes[:2].T + jitter


def in_town(items: pd.DataFrame) -> pd.DataFrame:
    """Put tiles side by side on a few kilometers; one of them is of unknown extent."""
    x = 11.5 + 0.004 * (np.arange(len(items)) % 20)
    y = 48.1 + 0.003 * (np.arange(len(items)) // 20)
    rings = [
        f"POLYGON (({a} {b}, {a + 0.004} {b}, {a + 0.004} {b + 0.003}, {a} {b}))"
        for a, b in zip(x, y, strict=True)
    ]
    return items.assign(longitude=x, latitude=y, footprint=["", *rings[1:]])


def with_footprints(items: pd.DataFrame) -> pd.DataFrame:
    """Put tiles all over the Earth, some of unknown extent or place, some cut at 180 degrees."""
    random = np.random.default_rng(9)
    x, y = random.uniform(-180, 180, len(items)), random.uniform(-80, 80, len(items))
    x[:20] = random.uniform(176, 184, 20)  # across the 180th meridian
    y[20:26] = 89 - random.uniform(0, 3, 6)
    rings = []
    for number, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        turns = np.sort(random.uniform(0, 2 * np.pi, 3 + number % 4))
        reach = random.uniform(0.5, 6)
        longitude, latitude = a + reach * np.cos(turns), b + reach / 2 * np.sin(turns)
        rings.append(footprint(wrap(longitude), np.clip(latitude, -90, 90)))
    unknown = np.arange(len(items)) % 9 == 0
    items = items.assign(longitude=wrap(x), latitude=y, footprint=np.where(unknown, "", rings))
    items.loc[np.arange(len(items)) % 21 == 1, ["longitude", "latitude"]] = np.nan
    return items


def without_classes(items: pd.DataFrame) -> pd.DataFrame:
    """Drop the classes; the ids say nothing of them either."""
    ids = [f"tiles/{number:04}.jpg" for number in range(len(items))]
    return items.assign(**{"id": ids, "class": ""})


def half_labeled(items: pd.DataFrame) -> pd.DataFrame:
    """Drop the classes of every second tile."""
    return items.assign(**{"class": items["class"].where(np.arange(len(items)) % 2 == 0, "")})


def parts(count: int = 24, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    names = rng.choice(["coast", "forest", "tundra"], count)
    features = rng.normal(size=(count, 6))
    colors = rng.integers(0, 256, (count, 3)).tolist()
    return {
        "info": {"name": "tiny", "model": {}, "data": {}},
        "items": pd.DataFrame({
            "id": [f"{name}/{number}.png" for number, name in enumerate(names)],
            "class": names,
            "split": np.resize(["train", "query", "val", "train", "", "query"], count),
            "longitude": rng.uniform(-180, 180, count),
            "latitude": rng.uniform(-90, 90, count),
        }),
        "codes": rng.choice(np.array([-1, 1], np.int8), (count, PARTS_BITS)),
        "features": (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float16),
        "thumbnails": [to_jpeg(Image.new("RGB", (20, 20), tuple(c)), side=16) for c in colors],
    }  # fmt: skip


def planes(count: int, value: float = 0.0) -> pd.DataFrame:
    names = ["feature_x", "feature_y", "code_x", "code_y"]
    return pd.DataFrame(np.full((count, 4), value, np.float32), columns=names)


def some(count: int, seed: int, prefix: str = "new") -> dict:
    """Parts of a segment whose ids are its own."""
    made = parts(count, seed=seed)
    del made["info"]
    made["items"] = made["items"].assign(id=[f"{prefix}/{seed}-{n}.png" for n in range(count)])
    return made


def said(gallery: Gallery) -> dict[str, tuple]:
    """Return all that a gallery says of each tile, by id."""
    columns = [name for name in ("class", "split", "longitude") if name in gallery.items]
    return {
        str(gallery.items["id"][row]): (
            *(gallery.items[name][row] for name in columns),
            gallery.packed[row].tobytes(),
            gallery.relaxed[row].tobytes(),
            gallery.features[row].tobytes(),
            gallery.thumbnail(row),
        )
        for row in range(len(gallery))
    }


def retabled(gallery: Gallery, **columns: Any) -> Gallery:
    """Return an opened gallery with other columns, whatever its files say; None drops one."""
    items = gallery.items.assign(**columns)
    items = items.drop(columns=[name for name, column in columns.items() if column is None])
    gallery.table = ItemTable([store_items(items)])
    for name in ("items", "positions"):
        vars(gallery).pop(name, None)
    return gallery


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
