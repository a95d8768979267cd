"""Projects feature space and hash space of a gallery to the plane with UMAP, at any size."""

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from rsh.codes.binary import Packed
from rsh.codes.distinct import DistinctCodes
from rsh.codes.encodings import unit
from rsh.config import SEEDS, check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.landmarks import MOST_FITTED, Points, find_components, to_vectors
from rsh.gallery.manifest import PlaneInfo
from rsh.gallery.place import disc_step, in_discs
from rsh.gallery.planes import COORDINATES, LANDMARKS
from rsh.gallery.spaces import Rows, code_space, feature_space, lay_out_space
from rsh.gallery.writer import write_projection
from rsh.io.arrays import read_arrays
from rsh.io.files import atomic_write, check_writable
from rsh.metrics.trustworthiness import (
    NEAREST,
    PlaneQuality,
    count_nearer_codes,
    count_nearer_features,
    neighbors_in_plane,
    plane_quality,
    sample_rows,
)

MEANING = (
    "A plane shows who is near whom, as far as two dimensions allow; the sizes of groups and the "
    "distances between them mean little."
)


class Plane(NamedTuple):
    """A finished plane.

    Attributes:
        points: positions of the tiles, (n, 2).
        landmarks: tiles that UMAP was fitted to, of each code the first, ascending.
        info: how it was made, and how far it can be trusted.
    """

    points: Points
    landmarks: Rows
    info: PlaneInfo


def project(
    gallery: Gallery, *, seed: int = 0, most: int = MOST_FITTED, progress: bool = True
) -> pd.DataFrame:
    """Project features (cosine) and codes (Hamming) of a gallery, and store the result in it.

    If it is interrupted after the first plane, the next call with the same seed goes on from there.

    Args:
        gallery: an opened gallery.
        seed: of UMAP; equal seeds give equal projections.
        most: tiles or codes that UMAP lays out; if there are more, it lays out so many landmarks,
            and the others are placed by their nearest landmarks.
        progress: show bars.

    Returns:
        feature_x, feature_y, code_x, code_y, one row per item.

    Raises:
        InputError: the seed is out of range, or the gallery cannot be written.
    """
    check_number("seed", seed, *SEEDS)
    check_writable(gallery.folder)
    file = gallery.folder / f".projection-{gallery.manifest.version + 1}.arrow.{seed}-{most}"
    features = _read_plane(file, len(gallery))
    if features is None:
        features = project_features(gallery, seed=seed, most=most, progress=progress)
        _save_plane(file, features)
    codes = project_codes(gallery, seed=seed, most=most, progress=progress)
    points = np.hstack([features.points, codes.points])
    projection = pd.DataFrame(points, columns=list(COORDINATES))
    marked = projection.copy()
    for name, plane in zip(LANDMARKS, (features, codes), strict=True):
        marked[name] = np.isin(np.arange(len(gallery)), plane.landmarks)
    write_projection(gallery, marked, feature=features.info, code=codes.info)
    return projection


def project_features(
    gallery: Gallery, *, seed: int = 0, most: int = MOST_FITTED, progress: bool = True
) -> Plane:
    """Project the features of a gallery: see `project`.

    If there are more than `most`, and they are long, their dimensions are reduced first.
    """
    is_fitted_whole = len(gallery) <= most
    components = None if is_fitted_whole else find_components(gallery.features, num_landmarks=most)
    features = to_vectors(gallery.features, components)
    points, landmarks = lay_out_space(
        feature_space(features), seed=seed, most=most, progress=progress
    )

    def count_nearer(rows: Rows, others: Rows, bar: "tqdm[Any]") -> Rows:
        return count_nearer_features(gallery.features, rows, others, on_tiles=bar.update)

    quality = _measure(points, count_nearer, "features: trustworthiness", progress)
    variance = components.variance if components else 1.0
    return Plane(points, landmarks, PlaneInfo(len(landmarks), variance, *quality))


def project_codes(
    gallery: Gallery, *, seed: int = 0, most: int = MOST_FITTED, progress: bool = True
) -> Plane:
    """Project the codes of a gallery, each code once: see `project` and `umap_code_layout`."""
    points, landmarks = _lay_out_codes(
        gallery.packed, gallery.num_bits, seed=seed, most=most, progress=progress
    )

    def count_nearer(rows: Rows, others: Rows, bar: "tqdm[Any]") -> Rows:
        counts = count_nearer_codes(gallery.packed, rows, others, num_bits=gallery.num_bits)
        bar.update(len(rows))
        return counts

    quality = _measure(points, count_nearer, "codes: trustworthiness", progress)
    return Plane(points, landmarks, PlaneInfo(len(landmarks), 1.0, *quality))


def umap_layout(features: NDArray[np.floating], *, seed: int = 0) -> Points:
    """Project features to the plane so that those with a high cosine similarity stay near.

    Args:
        features: (n, d).
        seed: of UMAP.

    Returns:
        (n, 2); fewer than 5 rows, too few for UMAP, form a circle.
    """
    points, _ = lay_out_space(feature_space(unit(features)), seed=seed)
    return points


def umap_code_layout(bits: NDArray[np.bool_], *, seed: int = 0) -> Points:
    """Project distinct codes with UMAP, and draw the tiles of each code as a disc.

    Tiles with the same code have distance 0, so UMAP would put them on one point, or distort the
    layout if there are many.

    Args:
        bits: (n, num_bits) bool.
        seed: of UMAP.

    Returns:
        (n, 2).
    """
    points, _ = _lay_out_codes(np.packbits(bits, axis=1), bits.shape[1], seed=seed)
    return points


def _lay_out_codes(
    packed: Packed,
    num_bits: int,
    *,
    seed: int,
    most: int = MOST_FITTED,
    progress: bool = False,
) -> tuple[Points, Rows]:
    """Return the positions of tiles, and the first tile of each code that UMAP was fitted to."""
    distinct = DistinctCodes.fold(packed)
    space = code_space(packed[distinct.first], num_bits=num_bits)
    centers, landmarks = lay_out_space(space, seed=seed, most=most, progress=progress)
    step = disc_step(centers, len(packed))
    points = in_discs(centers[distinct.number], distinct.rank, step=step)
    return points, distinct.first[landmarks]


def _measure(
    points: Points,
    count_nearer: Callable[[Rows, Rows, "tqdm[Any]"], Rows],
    title: str,
    progress: bool,
) -> PlaneQuality:
    """Return how far a plane can be trusted, by some of its tiles if there are many."""
    count = min(NEAREST, (len(points) - 1) // 2)
    if count < 1:  # no neighbor can be wrong
        return PlaneQuality(1.0, 1.0)
    rows = sample_rows(len(points))
    others = neighbors_in_plane(points, rows, count=count)
    with tqdm(total=len(rows), unit="tile", desc=title, disable=not progress) as bar:
        return plane_quality(count_nearer(rows, others, bar), len(points))


def _save_plane(file: Path, plane: Plane) -> None:
    """Keep a finished plane until the other one is finished; the next version deletes it."""
    with atomic_write(file) as stream:
        np.savez(stream, points=plane.points, landmarks=plane.landmarks, info=astuple(plane.info))


def _read_plane(file: Path, num_tiles: int) -> Plane | None:
    """Return the plane that an interrupted call kept; None if there is none, or it is damaged."""
    try:
        kept = read_arrays(file)
        points, landmarks = kept["points"], kept["landmarks"]
        fitted, *shares = kept["info"].tolist()
        info = PlaneInfo(int(fitted), *shares)
    except (InputError, KeyError, TypeError, ValueError):
        return None
    is_whole = points.shape == (num_tiles, 2) and bool(np.isfinite(points).all())
    return Plane(points, landmarks, info) if is_whole else None


def describe_planes(gallery: Gallery) -> list[str]:
    """Say how far each plane of a gallery can be trusted, one line each; none if it is unknown."""
    projection, lines = gallery.manifest.projection, []
    for name, plane in (
        ("features", projection and projection.feature),
        ("codes", projection and projection.code),
    ):
        if plane:
            reduced = f"; fitted with {plane.variance:.1%} of the variance" * (plane.variance < 1)
            lines.append(
                f"{name}: trustworthiness {plane.trustworthiness:.3f}, and {plane.kept:.0%} of a "
                f"tile's nearest ten on the map are its nearest ten{reduced}"
            )
    return lines
