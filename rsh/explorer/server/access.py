"""Who can reach the page: this machine alone, or others, who then need a token."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsh.errors import InputError

HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
VARIABLE = "RSH_TOKEN"  # not a flag, which everybody on the machine could read in the process list
SHORTEST = 16  # characters of a token
# Nothing comes from another host, or goes to one. The page's scripts stand in the page, or its
# widgets hand them to the browser.
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
    """Where the page listens, and what it asks of a visitor.

    Attributes:
        host: the address to listen on.
        token: what a visitor's first link must end with (`?token=`); "" asks for nothing.
        hostnames: names under which a proxy on this machine passes visitors on.
        base_url: the path before the page's own, from / to /.
        frames: sites that may show the page in a frame of theirs.
    """

    host: str = HERE
    token: str = ""
    hostnames: tuple[str, ...] = ()
    base_url: str = "/"
    frames: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        *,
        public: bool = False,
        hostnames: Sequence[str] = (),
        base_url: str = "/",
        frames: Sequence[str] = (),
    ) -> "Access":
        """Check what the command line and the variable RSH_TOKEN say.

        Raises:
            InputError: public without a token, a token that is short or no word of a link, a name
                that is none of a machine, a path that is none, or a site that is none.
        """
        token = os.environ.get(VARIABLE, "")
        if public and not token:
            raise InputError(f"--public needs a token that visitors must know: set {MAKE}")
        if token and not re.fullmatch(rf"[\w.~-]{{{SHORTEST},}}", token, re.ASCII):
            raise InputError(
                f"{VARIABLE} has {len(token)} characters: give {SHORTEST} or more, letters, "
                f"digits and . _ ~ - alone, such as {MAKE}"
            )
        for name in hostnames:
            if not re.fullmatch(r"[A-Za-z0-9.-]+", name):
                raise InputError(f"--hostname {name}: give a name alone, such as demo.example.org")
        if not re.fullmatch(r"/?([\w.~-]+/)*[\w.~-]*", base_url, re.ASCII):
            raise InputError(f"--base-url {base_url}: give a path such as /rsh/")
        for site in frames:
            if not re.fullmatch(r"https?://[A-Za-z0-9.*:-]+", site):
                raise InputError(f"--frame {site}: give a site such as https://example.org")
        path = base_url.strip("/")
        host = EVERYWHERE if public else HERE
        return cls(host, token, tuple(hostnames), f"/{path}/" if path else "/", tuple(frames))

    def url(self, port: int) -> str:
        """Return the page's address on this machine."""
        return f"http://{HERE}:{port}{self.base_url}"

    def entry(self, port: int) -> str:
        """Return the address that lets a visitor on this machine in."""
        return self.url(port) + (f"?token={self.token}" if self.token else "")

    @property
    def names(self) -> dict[str, Any]:
        """By which names the web server answers."""
        # Only names of this machine in the Host header: a page elsewhere cannot reach the kernel
        # by a domain name that it has pointed at 127.0.0.1. A token stops it, too, as a browser
        # keeps it for one name.
        names = ["localhost", *self.hostnames]
        return {"allow_remote_access": self.host != HERE, "local_hostnames": names}

    @property
    def headers(self) -> dict[str, str]:
        """What the web server tells browsers with every answer."""
        policy = POLICY | {"frame-ancestors": " ".join(["'self'", *self.frames])}
        return {
            "Content-Security-Policy": "; ".join(map(" ".join, policy.items())),
            "Referrer-Policy": "no-referrer",
        }
