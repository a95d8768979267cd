"""The worker of a site in a test: its modules beside the site, called as functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from static_host import hosting

from rsh.config import EXACT_UP_TO
from rsh.explorer.site.build import build_site, bundle_worker
from rsh.gallery.gallery import Gallery

MODULES = """
export const addresses = site_web_address_js, explorers = site_web_explorer_js;
export const filters = site_web_filters_js, finding = site_web_parts_find_js;
export const galleries = site_web_gallery_js, lookup = site_web_lookup_js;
export const scanning = site_web_scan_js, states = site_web_state_js;
"""


def write_probe(
    gallery: Gallery, folder: Path, script: str = MODULES, *, exact_up_to: int = EXACT_UP_TO
) -> Path:
    """Write a site, and beside it the worker's modules with functions that a test calls."""
    build_site(gallery, folder, exact_up_to=exact_up_to)
    (folder / "probe.js").write_text(f"{bundle_worker('explorer')}\n{script}")
    (folder / "probe.html").write_text("<!doctype html><title>probe</title>")
    return folder


@contextmanager
def probing(chromium: Any, gallery: Gallery, folder: Path, script: str) -> Iterator[Any]:
    """Serve a site, and yield a function that calls one of the script's by name.

    It passes the address of the site and an argument, and returns what the function returns.
    """
    with hosting(write_probe(gallery, folder, script)) as (url, _):
        page = chromium.new_page()
        page.goto(f"{url}/probe.html")
        call = (
            "([url, name, ask]) => import(`${url}/probe.js`).then((m) => m[name](`${url}/`, ask))"
        )
        yield lambda name, ask: page.evaluate(call, [url, name, ask])
        page.close()
