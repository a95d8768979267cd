"""An online map behind the tiles: an opt-in of who serves the dashboard.

Visitors' browsers load its tiles from another host, which so learns their IP addresses. Therefore
it is off by default, and the content policy names that host alone.
"""

import os
import re
from dataclasses import asdict, dataclass
from typing import Any

from rsh.errors import InputError

URL_VARIABLE, CREDIT_VARIABLE = "RSH_BASEMAP", "RSH_BASEMAP_CREDIT"  # of the kernels
PLACEHOLDERS = ("{z}", "{x}", "{y}")
URL = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[::1\])(:\d{1,5})?)"
    r"(?P<path>/[\w.~!$&()*+,;=:@%/?{}-]*)",
    re.ASCII,
)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
LONGEST_URL, LONGEST_CREDIT = 500, 200  # characters
EXAMPLE = "https://tile.example.org/{z}/{x}/{y}.png"


@dataclass(frozen=True)
class Basemap:
    """Where the tiles of an online map are, in Web Mercator and of 256 pixels each.

    Attributes:
        url: address of a tile, with {z}, {x} and {y} for zoom, column and row (from the north).
        credit: text that says whose map it is.
    """

    url: str
    credit: str

    @classmethod
    def read(cls, url: str, credit: str) -> "Basemap | None":
        """Return the map that these flags name, or None for two empty ones.

        Raises:
            InputError: the address is no https address with these three placeholders, or there is
                no credit.
        """
        if not url and not credit:
            return None
        found = URL.fullmatch(url)
        if not found or len(url) > LONGEST_URL:
            raise InputError(
                f"give an address such as {EXAMPLE}", parameter="basemap", value=url[:LONGEST_URL]
            )
        if found["scheme"] != "https" and found["host"] not in LOOPBACK:
            raise InputError(
                "give an https address: anyone between could change or read a plain one",
                parameter="basemap",
                value=url,
            )
        named = re.findall(r"\{[^{}]*\}|[{}]", found["path"])
        if sorted(named) != sorted(PLACEHOLDERS):
            raise InputError(
                f"it needs {', '.join(PLACEHOLDERS)} once each, and no others: name one host, and "
                "rows that count from the north",
                parameter="basemap",
                value=url,
            )
        if not credit or len(credit) > LONGEST_CREDIT or not credit.isprintable():
            raise InputError(
                f"say whose map it is in 1 to {LONGEST_CREDIT} characters, such as © Example",
                parameter="basemap_credit",
                value=repr(credit[:LONGEST_CREDIT]),
            )
        return cls(url, credit)

    @classmethod
    def from_environment(cls) -> "Basemap | None":
        """Return the map that the server of this kernel shows, or None.

        Raises:
            InputError: as for `read`.
        """
        return cls.read(os.environ.get(URL_VARIABLE, ""), os.environ.get(CREDIT_VARIABLE, ""))

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a content policy names them."""
        found = URL.fullmatch(self.url)
        assert found  # `read` made it
        return found["origin"]

    def view(self) -> dict[str, Any]:
        """Return url, credit and origin, for a widget."""
        return asdict(self) | {"origin": self.origin}


def to_environment(basemap: Basemap | None) -> None:
    """Hand a map, or that there is none, to the kernels that this process starts."""
    for name, value in (
        (URL_VARIABLE, basemap and basemap.url),
        (CREDIT_VARIABLE, basemap and basemap.credit),
    ):
        os.environ.pop(name, None)
        if value:
            os.environ[name] = value
