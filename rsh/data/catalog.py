"""The published data sets that rsh downloads and opens by name.

Each zip holds one folder per class, so `TileDataset` reads it without unpacking. The URLs are
mirrors by TorchGeo and its authors at fixed revisions, since the data sets' authors offer web
forms, cloud drives or RAR files. data/README.md gives the source of each value.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rsh.errors import InputError
from rsh.text import align_columns

MIRROR = "https://huggingface.co/datasets"


@dataclass(frozen=True)
class CatalogEntry:
    """A published data set.

    Attributes:
        name: on the command line.
        title: the name that its authors use.
        url: of the zip.
        sha256: of the zip.
        size: of the zip, bytes; None if unpublished.
        home: web page of the authors, with the terms of use.
        license: summary of the terms.
        is_open: whether the license permits every use; otherwise the user must accept it.
        counts: number of tiles of each class, by class name.
    """

    name: str
    title: str
    url: str
    sha256: str
    size: int | None
    home: str
    license: str
    is_open: bool
    counts: Mapping[str, int]

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return sum(self.counts.values())

    def paths(self, folder: Path | None = None) -> tuple[Path, Path]:
        """Return the path of the zip, and that of the folder that may replace it.

        Args:
            folder: of all data sets; $RSH_DATA_HOME or data/ by default.
        """
        folder = folder or data_home()
        return folder / f"{self.name}.zip", folder / self.name

    def find(self) -> Path | None:
        """Return the path of the data set, or None if it has not been downloaded."""
        return next((path for path in self.paths() if path.exists()), None)

    def require(self) -> Path:
        """Return the path of the data set.

        Raises:
            InputError: it has not been downloaded.
        """
        if path := self.find():
            return path
        raise InputError(
            f"{self.name} is not in {data_home()}: fetch it with `rsh data fetch {self.name}`, set "
            f"RSH_DATA_HOME to its folder, or write ./{self.name} for a data set of your own"
        )

    def check(self, classes: Iterable[str], *, where: str, hint: str) -> None:
        """Compare the number of tiles of each class with the published number.

        Args:
            classes: the class of each tile.
            where: path or URL of the tiles, for the message.
            hint: how to fix it, for the message.

        Raises:
            InputError: a class has another number of tiles; the message names it.
        """
        found = Counter(classes)
        for name in sorted({*self.counts, *found}):
            published = self.counts.get(name, 0)
            if found[name] != published:
                raise InputError(
                    f"{where} is not {self.title} as published, class {name!r} has {found[name]} "
                    f"tiles and not {published}: {hint}"
                )


def data_home() -> Path:
    """Return the folder of data sets: $RSH_DATA_HOME, or data/ in the current folder."""
    return Path(os.environ.get("RSH_DATA_HOME") or "data")


def find_entry(name: str) -> CatalogEntry:
    """Return the entry of a name.

    Raises:
        InputError: no data set has this name.
    """
    if name not in CATALOG:
        raise InputError(f"{name!r} is no data set: choose one of {', '.join(CATALOG)}")
    return CATALOG[name]


def _counts(count: int, names: str) -> dict[str, int]:
    return dict.fromkeys(names.split(), count)


UCMERCED = CatalogEntry(
    name="ucmerced",
    title="UC Merced Land Use",
    url=f"{MIRROR}/torchgeo/ucmerced/resolve/"
    "7c5ef3454d9b1cccfa7ccde0c01fc8f00a45909a/UCMerced_LandUse.zip",
    sha256="06c539ef28703a58fb07bd2837991ac7c48b813b00bb12ac197efd813a18daeb",
    size=332_468_434,
    home="http://weegee.vision.ucmerced.edu/datasets/landuse.html",
    license="none stated; for research; USGS imagery in the public domain",
    is_open=False,
    counts=_counts(
        100,
        """agricultural airplane baseballdiamond beach buildings chaparral denseresidential forest
        freeway golfcourse harbor intersection mediumresidential mobilehomepark overpass parkinglot
        river runway sparseresidential storagetanks tenniscourt""",
    ),
)

EUROSAT = CatalogEntry(
    name="eurosat",
    title="EuroSAT",
    url=f"{MIRROR}/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
    sha256="8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd",
    size=94_280_567,
    home="https://github.com/phelber/EuroSAT",
    license="MIT; contains Copernicus Sentinel data",
    is_open=True,
    counts={
        **_counts(3000, "AnnualCrop Forest HerbaceousVegetation Residential SeaLake"),
        **_counts(2500, "Highway Industrial PermanentCrop River"),
        "Pasture": 2000,
    },
)

AID = CatalogEntry(
    name="aid",
    title="AID",
    url=f"{MIRROR}/isaaccorley/aid/resolve/e6767964e40f567a18eac6e6ca5fce397e4ce411/AID.zip",
    sha256="79345ef1766e85f7b92cf556c809c4f32ff24228ae71aadf96780f74f48c26a4",
    size=None,
    home="https://captain-whu.github.io/AID/",
    license="none stated; Google Earth imagery, so for research only",
    is_open=False,
    counts={
        "BaseballField": 220,
        "Church": 240,
        "Forest": 250,
        **_counts(260, "Center RailwayStation"),
        "Meadow": 280,
        **_counts(290, "MediumResidential Resort Stadium"),
        **_counts(300, "Desert School SparseResidential"),
        "BareLand": 310,
        "Square": 330,
        "Mountain": 340,
        **_counts(350, "Commercial Park"),
        **_counts(360, "Airport Bridge StorageTanks"),
        **_counts(370, "Farmland Playground"),
        "Port": 380,
        **_counts(390, "Industrial Parking"),
        "Beach": 400,
        **_counts(410, "DenseResidential River"),
        **_counts(420, "Pond Viaduct"),
    },
)

RESISC45 = CatalogEntry(
    name="resisc45",
    title="NWPU-RESISC45",
    url=f"{MIRROR}/isaaccorley/resisc45/resolve/"
    "883edc0eee77b2c84225472f10f126e3ed83fa6e/NWPU-RESISC45.zip",
    sha256="beeecd0b63656290ae6d65cf7763185b0c1c4c54a753ef8088d6fba3faaf1f53",
    size=427_389_445,
    home="https://gcheng-nwpu.github.io/#Datasets",
    license="none stated by its authors, CC BY-NC 4.0 says the mirror; Google Earth imagery",
    is_open=False,
    counts=_counts(
        700,
        """airplane airport baseball_diamond basketball_court beach bridge chaparral church
        circular_farmland cloud commercial_area dense_residential desert forest freeway golf_course
        ground_track_field harbor industrial_area intersection island lake meadow
        medium_residential mobile_home_park mountain overpass palace parking_lot railway
        railway_station rectangular_farmland river roundabout runway sea_ice ship snowberg
        sparse_residential stadium storage_tank tennis_court terrace thermal_power_station
        wetland""",
    ),
)

PATTERNNET = CatalogEntry(
    name="patternnet",
    title="PatternNet",
    url=f"{MIRROR}/torchgeo/PatternNet/resolve/"
    "2dbd901b00e301967a5c5146b25454f5d3455ad0/PatternNet.zip",
    sha256="456dd031950b0429518b8ec7d30a5c4b3f6456261ee1dd573a3eee43efb29958",
    size=1_430_000_000,  # as the mirror rounds it
    home="https://sites.google.com/view/zhouwx/dataset",
    license="none stated by its authors, CC BY 4.0 says the mirror; Google Earth imagery",
    is_open=False,
    counts=_counts(
        800,
        """airplane baseball_field basketball_court beach bridge cemetery chaparral
        christmas_tree_farm closed_road coastal_mansion crosswalk dense_residential ferry_terminal
        football_field forest freeway golf_course harbor intersection mobile_home_park nursing_home
        oil_gas_field oil_well overpass parking_lot parking_space railway river runway
        runway_marking shipping_yard solar_panel sparse_residential storage_tank swimming_pool
        tennis_court transformer_station wastewater_treatment_plant""",
    ),
)

CATALOG = {entry.name: entry for entry in (UCMERCED, EUROSAT, AID, RESISC45, PATTERNNET)}


def catalog_table() -> str:
    """Return the catalog as a text table, with the path of each downloaded data set."""
    rows = [("name", "tiles", "classes", "download", "path", "license")]
    rows.append(("bluemarble", "2,212", "9", "none", "rsh itself", "public domain (NASA)"))
    for entry in CATALOG.values():
        size = f"{entry.size / 1e6:,.0f} MB" if entry.size else "unknown"
        path, classes = str(entry.find() or "not fetched"), str(len(entry.counts))
        rows.append((entry.name, f"{entry.tiles:,}", classes, size, path, entry.license))
    return align_columns(rows, left=(0, 4, 5))
