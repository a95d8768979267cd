"""The dashboard as a whole: which gallery it shows, or why that cannot be opened."""

import logging
import os
from pathlib import Path

import ipywidgets

from rsh.explorer.address import read_address
from rsh.explorer.alerts import explain
from rsh.explorer.page import Explorer, box
from rsh.explorer.panels.compare import list_sides, others_than
from rsh.explorer.panels.header import HeaderPanel
from rsh.explorer.server.logs import is_relevant
from rsh.explorer.server.registry import Registry
from rsh.explorer.settings import PageSettings
from rsh.explorer.state import ExplorerState
from rsh.explorer.uploads.confinement import MEMORY_VARIABLE, limit_memory
from rsh.io.machine import return_large_blocks


def dashboard(gallery: str | Path | None = None) -> ipywidgets.Box:
    """Return the dashboard of a gallery, for the last line of a notebook cell.

    Args:
        gallery: the folder; by default those of the environment variable RSH_GALLERY, else
            galleries/bluemarble-64 below the working folder or the repository. A gallery
            that cannot be opened gives a page with one alert that says why.
    """
    page = box("rsh-page", [])
    if memory := os.environ.get(MEMORY_VARIABLE):
        limit_memory(int(memory))
        return_large_blocks()
        logging.getLogger("asyncio").addFilter(is_relevant)
    try:
        site = Registry.find(gallery, learned=PageSettings.read().learn)
        show_gallery(page, site, site.names[0])
    except Exception as error:
        page.children = [HeaderPanel(message=explain(error))]
    return page


def show_gallery(page: ipywidgets.Box, site: Registry, name: str, *, address: str = "") -> None:
    """Show another gallery on a page.

    Args:
        page: whose panels are replaced.
        site: the galleries there are.
        name: which one.
        address: what to show of it, see `read_address`.

    Raises:
        InputError: it cannot be opened, or the address is too long; the page is as it was.
    """
    state = ExplorerState(site.open(name))
    state.sides = list_sides(others_than(site, name))
    left_out = read_address(address, state)
    explorer = Explorer(state, site=site, name=name, settings=PageSettings.read())
    explorer.switch = lambda other, text: show_gallery(page, site, other, address=text)
    explorer.alert(left_out)
    old, page.children = page.children, explorer.panels
    for panel in old:
        panel.close()
