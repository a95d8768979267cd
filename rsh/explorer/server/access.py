"""Who can reach the dashboard: only this machine, or other machines, which then need a token."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsh.errors import InputError
from rsh.explorer.basemap import Basemap

HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
VARIABLE = "RSH_TOKEN"  # not a flag, which every user of the machine can read in the process list
MIN_TOKEN_LENGTH = 16  # characters
# Nothing is loaded from or sent to another host, but images of an online map if one is named.
# Scripts are inline, or widgets pass them to the browser.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' blob:",
    "style-src": "'self' 'unsafe-inline' data:",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
MAKE = f'{VARIABLE}=$(python3 -c "import secrets; print(secrets.token_urlsafe())")'


@dataclass(frozen=True)
class Access:
    """The address of the dashboard, and the access token.

    Attributes:
        host: the address to listen on.
        token: token in a visitor's first link (`?token=`); "" if none is needed.
        hostnames: names under which a proxy on this machine forwards visitors.
        base_url: path of the dashboard, from / to /.
        frames: sites that may embed the dashboard in an iframe.
        basemap: an online map that visitors' browsers load, or None.
    """

    host: str = HERE
    token: str = ""
    hostnames: tuple[str, ...] = ()
    base_url: str = "/"
    frames: tuple[str, ...] = ()
    basemap: Basemap | None = None

    @classmethod
    def read(
        cls,
        *,
        public: bool = False,
        hostnames: Sequence[str] = (),
        base_url: str = "/",
        frames: Sequence[str] = (),
        basemap: str = "",
        basemap_credit: str = "",
    ) -> "Access":
        """Return the access settings from the command line and the variable RSH_TOKEN.

        Raises:
            InputError: `public` without a token, a token that is too short or not safe in a URL, or
                an invalid host name, path, site or map.
        """
        token = os.environ.get(VARIABLE, "")
        if public and not token:
            raise InputError(f"--public needs an access token: set {MAKE}")
        if token and not re.fullmatch(rf"[\w.~-]{{{MIN_TOKEN_LENGTH},}}", token, re.ASCII):
            raise InputError(
                f"{VARIABLE} has {len(token)} characters: give {MIN_TOKEN_LENGTH} or more, "
                f"only letters, digits and . _ ~ -, such as {MAKE}"
            )
        for name in hostnames:
            if not re.fullmatch(r"[A-Za-z0-9.-]+", name):
                raise InputError(f"--hostname {name}: give only a name, such as demo.example.org")
        if not re.fullmatch(r"/?([\w.~-]+/)*[\w.~-]*", base_url, re.ASCII):
            raise InputError(f"--base-url {base_url}: give a path such as /rsh/")
        for site in frames:
            if not re.fullmatch(r"https?://[A-Za-z0-9.*:-]+", site):
                raise InputError(f"--allow-iframe {site}: give a site such as https://example.org")
        path = base_url.strip("/")
        host = EVERYWHERE if public else HERE
        return cls(
            host,
            token,
            tuple(hostnames),
            f"/{path}/" if path else "/",
            tuple(frames),
            Basemap.read(basemap, basemap_credit),
        )

    def url(self, port: int) -> str:
        """Return the URL of the dashboard on this machine."""
        return f"http://{HERE}:{port}{self.base_url}"

    def entry(self, port: int) -> str:
        """Return the URL with the token, for a visitor on this machine."""
        return self.url(port) + (f"?token={self.token}" if self.token else "")

    @property
    def is_shared(self) -> bool:
        """Whether others can come: from other machines, through a proxy, or in a frame."""
        return bool(self.host != HERE or self.token or self.hostnames or self.frames)

    @property
    def names(self) -> dict[str, Any]:
        """Host names that the web server accepts."""
        # Only names of this machine in the Host header: this stops DNS rebinding, where another
        # site points a domain name at 127.0.0.1. A token stops it, too, since a browser keeps the
        # cookie for one name.
        names = ["localhost", *self.hostnames]
        return {"allow_remote_access": self.host != HERE, "local_hostnames": names}

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers of every response."""
        policy = POLICY | {"frame-ancestors": " ".join(["'self'", *self.frames])}
        if self.basemap:
            policy["img-src"] += f" {self.basemap.origin}"
        return {
            "Content-Security-Policy": "; ".join(map(" ".join, policy.items())),
            "Referrer-Policy": "no-referrer",
        }
