"""Tables of tiles without geometries, as commands write them."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def check_table_file(file: Path) -> None:
    """Check that a table can be written into a file, before it is computed.

    Raises:
        InputError: its name ends with neither .csv nor .parquet, or its folder cannot be written.
    """
    from rsh.gallery.export import check_suffix
    from rsh.io.files import check_writable

    check_suffix(file, (".csv", ".parquet"))
    check_writable(file.absolute().parent)


def write_table(table: "pd.DataFrame", file: Path) -> None:
    """Write a table, whole or not at all; in CSV no text is read as a formula.

    Args:
        table: its texts are str.
        file: .csv or .parquet; is replaced if it exists.

    Raises:
        InputError: the file cannot be written.
    """
    from rsh.io.files import atomic_write
    from rsh.search.formats.tables import csv_cell

    with atomic_write(file) as stream:
        if file.suffix.lower() == ".parquet":
            table.to_parquet(stream, index=False)
        else:
            texts = [str(name) for name in table.select_dtypes(["object", "str"])]
            escaped = {name: table[name].map(csv_cell) for name in texts}
            stream.write(table.assign(**escaped).to_csv(index=False).encode())
