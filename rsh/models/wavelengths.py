"""Where in the spectrum bands lie, by their names, for networks that take any bands.

Names are those of Sentinel-2 and Sentinel-1, or of colors. B1 to B12 are bands of Landsat as well,
at other wavelengths, so they are taken for Sentinel-2's only if one of them is B8A or has a 0.
"""

import re
from collections.abc import Mapping, Sequence

from rsh.data.bands import has_names_of_sentinel_2, plain_name
from rsh.errors import InputError

# Centers, nanometers. Source: https://sentiwiki.copernicus.eu/web/s2-mission, rounded as DOFA was
# trained with them: https://github.com/zhu-xlab/DOFA
SENTINEL_2: Mapping[str, float] = {
    "B01": 443,
    "B02": 490,
    "B03": 560,
    "B04": 665,
    "B05": 705,
    "B06": 740,
    "B07": 783,
    "B08": 842,
    "B8A": 865,
    "B09": 945,
    "B10": 1375,
    "B11": 1610,
    "B12": 2190,
}
# As NAIP has them, and near infrared. Source: tests of DOFA in https://github.com/torchgeo/torchgeo
COLORS: Mapping[str, float] = {"red": 640, "green": 560, "blue": 480, "nir": 810}
# What DOFA was trained with for Sentinel-1: its frequency, 5.405 GHz, in the place of micrometers.
RADAR = 5405
# What stands for a polarization, sent and received, in either orbit.
# Source: ChnEmb in https://github.com/Panopticon-FM/panopticon, dinov2/models/panopticon.py
POLARIZATIONS: Mapping[str, float] = {"VV": -1, "VH": -2, "HH": -3, "HV": -4}
IMAGE_BANDS = ("red", "green", "blue")
NUMBERED = re.compile(r"b\d+a?")


def find_wavelengths(names: Sequence[str]) -> tuple[float, ...]:
    """Return the wavelength of each band, micrometers, as DOFA takes them.

    Raises:
        InputError: a band is unknown.
    """
    radar = dict.fromkeys(POLARIZATIONS, RADAR)
    return tuple(value / 1e3 for value in _look_up(names, radar))


def find_channel_ids(names: Sequence[str]) -> tuple[float, ...]:
    """Return the id of each band, as Panopticon takes them: nanometers, or below 0 for radar.

    Raises:
        InputError: a band is unknown.
    """
    return _look_up(names, POLARIZATIONS)


def _look_up(names: Sequence[str], radar: Mapping[str, float]) -> tuple[float, ...]:
    known = {plain_name(name): value for name, value in {**COLORS, **radar, **SENTINEL_2}.items()}
    for name in names:
        if plain_name(name) not in known:
            raise InputError(
                f"where {name} lies in the spectrum is unknown: give bands called B01 to B12 and "
                f"B8A (Sentinel-2), {', '.join(POLARIZATIONS)} (Sentinel-1) or {', '.join(COLORS)}"
            )
    numbered = [name for name in names if NUMBERED.fullmatch(plain_name(name))]
    if numbered and not has_names_of_sentinel_2(numbered):
        raise InputError(
            f"{numbered[0]} is a band of Sentinel-2, and another one of Landsat: write the bands "
            f"of Sentinel-2 with two digits, such as B04, and others as {', '.join(COLORS)}"
        )
    return tuple(known[plain_name(name)] for name in names)
