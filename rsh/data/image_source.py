"""Where the images of tiles lie: what a gallery keeps, so that a tile can be enlarged."""

from dataclasses import dataclass
from typing import Literal

from rsh.data.bands import NO_BANDS, BandOptions

SourceKind = Literal["folder", "zip", "shards", "scenes", "table"]


@dataclass(frozen=True)
class ImageSource:
    """Where the images of some tiles lie on this machine; the id of a tile leads to its image.

    Attributes:
        kind: a `SourceKind`: a folder of images, a zip of one, tars, scenes that tiles are cut
            from, or a table of embeddings that names images.
        path: absolute; of tars perhaps a pattern.
        prefix: of a zip, the folder inside that holds all images, "" or ending in "/".
        size: of scenes, side of a tile, pixels.
        column: of a table, the column with the path of each image.
        bands: what the values of these rasters mean, if a network sees their bands.
    """

    kind: str
    path: str
    prefix: str = ""
    size: int = 0
    column: str = ""
    bands: BandOptions = NO_BANDS
