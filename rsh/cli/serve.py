"""The command `rsh dashboard`."""

from pathlib import Path

from rsh.cli.parser import TEXTS


def dashboard(
    gallery: Path = Path("galleries/bluemarble-32"),
    *,
    also: TEXTS = (),
    port: int = 8866,
    open_: bool = True,
    public: bool = False,
    hostname: TEXTS = (),
    base_url: str = "/",
    frame: TEXTS = (),
    visitors: int = 30,
) -> None:
    """Serve the page on which a person picks a tile and browses its neighbors.

    It is for this machine alone unless one says --public; then, and whenever the variable RSH_TOKEN
    is set, visitors are let in by a link that ends with ?token= and what the variable says.

    Args:
        gallery: The gallery folder.
        also: Another gallery that a visitor can change to and compare with; may be repeated.
        port: Where to listen: on 127.0.0.1, or on all addresses with --public.
        open_: Open the page in the browser once it is ready.
        public: Let other machines in, with the token of RSH_TOKEN.
        hostname: A name under which a proxy on this machine passes visitors on; may be repeated.
        base_url: The path under which a proxy shows the page.
        frame: A site that may show the page in a frame; may be repeated.
        visitors: How many at once; each takes 210 MB of memory with 10,000 tiles.
    """
    from rsh.explorer.server.access import Access
    from rsh.explorer.server.serve import serve

    reach = Access.read(public=public, hostnames=hostname, base_url=base_url, frames=frame)
    galleries = [gallery, *map(Path, also)]
    serve(galleries, port=port, open_browser=open_, reach=reach, visitors=visitors)
