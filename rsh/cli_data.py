"""The commands `rsh data fetch` and `rsh data list`."""

import sys
from pathlib import Path


def data_fetch(name: str, *, output: Path | None = None, accept_licence: bool = False) -> None:
    """Fetch a published data set, check it, and put it where --data finds it by its name.

    A download that broke off goes on where it stopped when the same is run again.

    Args:
        name: One of `rsh data list`.
        output: The folder to put NAME.zip into. (default: $RSH_DATA_HOME, or data)
        accept_licence: Accept the licence, which is shown, without being asked.
    """
    from rsh.datasets import data_home, named
    from rsh.fetching import agree, fetch

    dataset = named(name)
    agree(dataset, accepted=accept_licence)
    file = fetch(dataset, output or data_home())
    found = dataset.find()
    at_home = found is not None and found.samefile(file)
    print(f"{file}: {dataset.tiles} tiles, {len(dataset.counts)} classes")
    print(f"use it as --data {name if at_home else file}", file=sys.stderr)


def data_list() -> None:
    """List the data sets with tiles, classes, size of the download, licence, and where they are."""
    from rsh.datasets import table

    print(table())
