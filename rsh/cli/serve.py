"""The commands that show a gallery: `rsh dashboard` and `rsh site`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rsh.cli.parser import Texts
from rsh.config import EXACT_UP_TO, LabelsKept
from rsh.errors import InputError
from rsh.text import plural


def dashboard(
    gallery: Path = Path("galleries/bluemarble-64"),
    /,
    *,
    also: Texts = (),
    port: int = 8866,
    open_: Annotated[bool, Parameter(negative="--no-open")] = True,
    public: bool = False,
    hostname: Texts = (),
    base_url: str = "/",
    allow_iframe: Texts = (),
    max_sessions: int = 30,
    labels: LabelsKept | None = None,
    learn: Annotated[bool | None, Parameter(negative="--no-learn")] = None,
    originals: Annotated[bool | None, Parameter(negative="--no-originals")] = None,
    basemap: str = "",
    basemap_credit: str = "",
    run: Path | None = None,
) -> None:
    """Serve the dashboard: pick a tile, search, and inspect the results.

    Only this machine can connect unless you give --public. With --public, or whenever the variable
    RSH_TOKEN is set, visitors need a link that ends with ?token= and the value of RSH_TOKEN.

    A page is shared if others can come: with --public, RSH_TOKEN, --hostname or --allow-iframe.

    Args:
        gallery: Gallery folder.
        also: Another gallery that visitors can open and compare with; may be repeated.
        port: Port to listen on: at 127.0.0.1, or at all addresses with --public.
        open_: Open the dashboard in the browser.
        public: Accept connections from other machines, with the token in RSH_TOKEN.
        hostname: Host name under which a proxy on this machine forwards visitors; may be repeated.
        base_url: Path under which a proxy serves the dashboard.
        allow_iframe: Site that may embed the dashboard in an iframe; may be repeated.
        max_sessions: Most sessions at once; each takes 210 MB of memory with 10,000 tiles.
        labels: Where labels and sets of visitors are kept: gallery, for everybody; visitor, in each
            visitor's browser; or none, until the page is closed. (default: gallery, or visitor
            on a shared page)
        learn: Let visitors learn from labels, which makes new galleries beside this one. (default:
            yes, or no on a shared page)
        originals: Enlarge tiles to their original images, where these lie on this machine.
            (default: yes, or no on a shared page)
        basemap: Address of the tiles of an online map, such as
            https://tile.example.org/{z}/{x}/{y}.png. Visitors' browsers load them from that host.
        basemap_credit: Whose map it is, in words; needed with --basemap.
        run: Run folder that encodes visitors' images, if the one that made the gallery has moved.
    """
    from rsh.explorer.server.access import Access
    from rsh.explorer.server.serve import serve
    from rsh.explorer.settings import PageSettings
    from rsh.io.files import read_json

    if run:
        read_json(run / "config.json", what="run")  # refuses what is no run
    reach = Access.read(
        public=public,
        hostnames=hostname,
        base_url=base_url,
        frames=allow_iframe,
        basemap=basemap,
        basemap_credit=basemap_credit,
    )
    serve(
        [gallery, *map(Path, also)],
        port=port,
        open_browser=open_,
        reach=reach,
        settings=PageSettings.choose(
            shared=reach.is_shared, labels=labels, learn=learn, originals=originals, run=run
        ),
        max_sessions=max_sessions,
    )


def site(
    gallery: Path,
    /,
    *,
    output: Path = Path("site"),
    compare: Texts = (),
    own_images: bool = False,
    run: Path | None = None,
    runtime: Path | None = None,
    exact_up_to: int = EXACT_UP_TO,
    check: bool = False,
) -> None:
    """Write a folder of static files that shows a gallery in the browser, without Python.

    Any web host can serve the folder, below any path; visitors search in their own browsers. To try
    it: python -m http.server --directory site

    Args:
        gallery: Gallery folder; with --check, folder of a site.
        output: Folder of the site; a site that is there is replaced as a whole.
        compare: Another gallery of the same tiles that results can be compared with; may be
            repeated.
        own_images: Let visitors search with their own images, which stay in their browsers; the
            first one loads the network, 20 to 25 MB if it is a small one.
        run: With --own-images, run folder of the network, if the one that made the gallery has
            moved.
        runtime: With --own-images, ONNX Runtime Web: the file that `npm pack onnxruntime-web`
            writes, or the folder of the package. (default: either in this folder)
        exact_up_to: Tiles up to which the page compares a query with all of them. In a larger
            gallery it reads and searches the nearest coarse lists, and states its recall.
        check: Write nothing, but check that a site is whole: `rsh site site/ --check`.
    """
    from rsh.explorer.site.build import build_site
    from rsh.explorer.site.checksums import check_site, list_files
    from rsh.gallery.gallery import Gallery

    for name, given in (("run", run), ("runtime", runtime)):
        if given and not own_images:
            raise InputError(
                "only own images need it: add --own-images", parameter=name, value=given
            )
    if check:
        for name, unused in (("compare", compare), ("own_images", own_images)):
            if unused:
                raise InputError(
                    "--check writes nothing: leave one of both out", parameter=name, value=unused
                )
        print(f"{gallery} is whole: {plural(check_site(gallery), 'file')}")
        return
    opened, others = Gallery.open(gallery), [Gallery.open(Path(other)) for other in compare]
    manifest = build_site(
        opened,
        output,
        compare=others,
        own_images=own_images,
        run=run,
        runtime=runtime,
        exact_up_to=exact_up_to,
    )
    sizes = [record.size for _, record in list_files(output)]
    files = f"{plural(len(sizes), 'file')}, {sum(sizes) / 1e6:.1f} MB"
    print(f"{output}: {' · '.join(manifest.facts)} in {files}")
    print(f"Try it: python -m http.server --directory {output}")
