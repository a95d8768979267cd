"""The tables of terms.py, from its rows.

python -m benchmarks.quality.terms_tables
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import Row, read_rows
from benchmarks.quality.terms import PLACES, RESULTS, TERMS
from rsh.text import plural

DATA = {"bluemarble": "the sample", "ucmd": "UCMD"}
EPOCHS = (1, 5, 20, 40, 60)
PAIRS = ("category, inter", "category, intra", "inter, intra")


class Setting(NamedTuple):
    """What networks are compared on."""

    frozen: bool
    data: str
    place: str

    @property
    def title(self) -> str:
        """Name it in the head of a column."""
        place = "" if self.place == "defaults" else f", {self.place}"
        return f"{'frozen' if self.frozen else 'learning'}, {DATA[self.data]}{place}"


Groups = dict[tuple[Setting, str], list[Row]]  # setting, terms -> one row a seed


def main() -> None:
    """Print all tables."""
    groups = grouped(read_rows(RESULTS))
    places = sorted({setting for setting, _ in groups}, key=in_order)
    print("\n\n".join([*map_tables(groups, places), gradient_table(groups, places)]))


def grouped(rows: Iterable[Row]) -> Groups:
    """Put rows together, of those seeds that all terms have: some splits are harder than others."""
    every: dict[Setting, dict[int, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        setting = Setting(row["frozen"], row["data"], row["place"])
        every[setting][row["seed"]][row["terms"]] = row
    groups: Groups = defaultdict(list)
    for setting, by_seed in every.items():
        for _, by_terms in sorted(by_seed.items()):
            if by_terms.keys() == TERMS.keys():
                for terms, row in by_terms.items():
                    groups[setting, terms].append(row)
    return groups


def in_order(setting: Setting) -> tuple[bool, int, str]:
    """Return the rank of a column."""
    return not setting.frozen, list(PLACES).index(setting.place), setting.data


def map_tables(groups: Groups, places: Iterable[Setting]) -> Iterable[str]:
    """Yield tables of figures by terms, one line each."""
    figures: dict[str, Callable[[Row], float]] = {
        "mAP of the codes, %": lambda row: 100 * row["map"],
        "mAP by cosine of the backbone's features, %": lambda row: 100 * row["map_of_features"],
        "Spread of the codes of queries": lambda row: last(row)["codes_query"],
    }
    for title, figure in figures.items():
        shown = [place for place in places if not (place.frozen and "features" in title)]
        heads = ["terms", *(f"{each.title}, {number(groups, each)}" for each in shown)]
        digits = 1 if "%" in title else 2
        lines = [
            (terms, *(cell(map(figure, groups[place, terms]), digits) for place in shown))
            for terms in TERMS
        ]
        yield f"**{title}**\n\n{markdown(heads, lines)}"


def number(groups: Groups, setting: Setting) -> str:
    """Say how many seeds a column has."""
    return plural(len(groups[setting, next(iter(TERMS))]), "seed")


def gradient_table(groups: Groups, places: Iterable[Setting]) -> str:
    """Return cosines between the terms' gradients, where all three are at work."""
    lines = []
    for place in (place for place in places if place.place == "defaults"):
        rows = groups[place, "all three"]
        for part in ("codes", "trunk", "backbone"):
            for pair in PAIRS if part != "codes" else PAIRS[2:]:
                cells = [
                    cell(
                        row["by_epoch"][str(epoch)][f"cosine_{part}"][pair]
                        for row in rows
                        if f"cosine_{part}" in row["by_epoch"].get(str(epoch), {})
                    )
                    for epoch in EPOCHS
                ]
                if any(cells):
                    lines.append((place.title, part, pair, *cells))
    heads = ["", "gradients in", "terms", *(f"epoch {epoch}" for epoch in EPOCHS)]
    return f"**Cosine between gradients of one batch**\n\n{markdown(heads, lines)}"


def last(row: Row) -> Row:
    """Return what was seen after the last epoch."""
    found: Row = row["by_epoch"][max(row["by_epoch"], key=int)]
    return found


def cell(values: Iterable[float], digits: int = 2) -> str:
    """Return mean and spread over seeds."""
    found = np.array(list(values))
    if not len(found):
        return ""
    spread = f" ± {found.std(ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{found.mean():.{digits}f}{spread}"


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    main()
