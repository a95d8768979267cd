"""A table of tiles that lie everywhere: an area, no place, an area that was cut, and a point."""

import numpy as np
import pandas as pd

SQUARE = "POLYGON ((0 1, 2 1, 2 3, 0 3, 0 1))"
CUT = "MULTIPOLYGON (((179 0, 180 0, 180 1, 179 0)), ((-180 0, -179 0, -180 1, -180 0)))"
ITEMS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "class": ["x", "", "y", "x"],
        "split": "",
        "longitude": [1.0, np.nan, 179.9, 5],
        "latitude": [2.0, np.nan, 3, 6],
        "footprint": [SQUARE, "", CUT, None],
    }
)
