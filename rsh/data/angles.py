"""Angles as people write them: degrees, minutes and seconds."""

import re

HEMISPHERES = {"N": 1, "E": 1, "S": -1, "W": -1}  # not O, east in some languages, west in others
NUMBER = r"(\d+(?:[.,]\d+)?)"
UNIT = r"[\s°\u00ba'\u2019\u2032\"\u201d\u2033:]"  # degree signs, quotes and primes
ANGLE = re.compile(
    rf"([NSEW])?\s*([+-])?\s*{NUMBER}(?:{UNIT}+{NUMBER})?(?:{UNIT}+{NUMBER})?{UNIT}*([NSEW])?",
    re.IGNORECASE,
)


def read_angle(text: str) -> float | None:
    """Return an angle in degrees, minutes and seconds as decimal degrees; None if it is none."""
    found = ANGLE.fullmatch(text.strip())
    if not found:
        return None
    before, sign, *parts, after = found.groups()
    degrees, minutes, seconds = (float((part or "0").replace(",", ".")) for part in parts)
    hemisphere = (before or after or "N").upper()
    if max(minutes, seconds) >= 60 or (before and after):
        return None
    turn = HEMISPHERES[hemisphere] * (-1 if sign == "-" else 1)
    return turn * (degrees + minutes / 60 + seconds / 3600)
