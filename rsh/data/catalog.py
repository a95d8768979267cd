"""The published data sets that rsh downloads and opens by name.

A zip of class folders is kept as it is, since `TileDataset` reads it without unpacking; the others
are made of what their authors publish: see `rsh.data.published`. The URLs are of fixed revisions,
where authors offer web forms, cloud drives or RAR files those of mirrors. data/README.md gives the
source of each value.
"""

from rsh.data.catalog_entry import CatalogEntry, RemoteFile
from rsh.data.published.mlrsnet_files import MLRSNET_COUNTS, MLRSNET_FILES
from rsh.errors import InputError
from rsh.text import align_columns

PUBLIC, NONE = "public domain (NASA)", "-"
# Of UC Merced and AID, as their tables have them.
OBJECTS = tuple(
    """airplane bare-soil buildings cars chaparral court dock field grass mobile-home pavement sand
    sea ship tanks trees water""".split()
)
MIRROR = "https://huggingface.co/datasets"


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


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


UCMERCED = CatalogEntry(
    name="ucmerced",
    title="UC Merced Land Use",
    files=(
        RemoteFile(
            f"{MIRROR}/torchgeo/ucmerced/resolve/"
            "7c5ef3454d9b1cccfa7ccde0c01fc8f00a45909a/UCMerced_LandUse.zip",
            "sha256:06c539ef28703a58fb07bd2837991ac7c48b813b00bb12ac197efd813a18daeb",
            332_468_434,
        ),
    ),
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
    files=(
        RemoteFile(
            f"{MIRROR}/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
            "sha256:8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd",
            94_280_567,
        ),
    ),
    home="https://github.com/phelber/EuroSAT",
    license="MIT; contains Copernicus Sentinel data",
    is_open=True,
    counts={
        **_counts(3000, "AnnualCrop Forest HerbaceousVegetation Residential SeaLake"),
        **_counts(2500, "Highway Industrial PermanentCrop River"),
        "Pasture": 2000,
    },
)

EUROSAT_MS = CatalogEntry(
    name="eurosat-ms",
    title="EuroSAT, all bands",
    files=(
        RemoteFile(
            f"{MIRROR}/torchgeo/eurosat/resolve/"
            "1ce6f1bfb56db63fd91b6ecc466ea67f2509774c/EuroSATallBands.zip",
            "sha256:751f070f9bffa2eed48b24ca2dd0b02959280c08837e8c9a5532a67ba611df59",
            2_067_725_275,
        ),
    ),
    home=EUROSAT.home,
    license=EUROSAT.license,
    is_open=True,
    counts=EUROSAT.counts,
    bands=tuple("B01 B02 B03 B04 B05 B06 B07 B08 B09 B10 B11 B12 B8A".split()),  # B8A is the last
    recipe="bands",
)

AID = CatalogEntry(
    name="aid",
    title="AID",
    files=(
        RemoteFile(
            f"{MIRROR}/isaaccorley/aid/resolve/e6767964e40f567a18eac6e6ca5fce397e4ce411/AID.zip",
            "sha256:79345ef1766e85f7b92cf556c809c4f32ff24228ae71aadf96780f74f48c26a4",
            None,
        ),
    ),
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

UCMERCED_LABELS = CatalogEntry(
    name="ucmerced-multilabel",
    title="UC Merced with several labels",
    files=(
        RemoteFile(
            "https://raw.githubusercontent.com/rsim-tu-berlin/bigearth.eu/"
            "0b0d5aef0ac752daa8a37dbe8c735816d031833a/assets/docs/multilabels.zip",
            "sha256:65dcd64d619975ff28bbd15447c70df23a5ee9ebe40335b364af6b3e211943e6",
            82_497,
        ),
    ),
    home="https://bigearth.eu/datasets",
    license="none stated for the labels, cite the authors; images as ucmerced",
    is_open=False,
    counts=UCMERCED.counts,
    labels=OBJECTS,
    images="ucmerced",
    recipe="labels",
)

AID_SPLITS = (
    "https://raw.githubusercontent.com/biasvariancelabs/aitlas-arena/"
    "b640d13cd645e72d6017223ec584a3e30095fdf8/splits/aidmultilabel"
)
AID_LABELS = CatalogEntry(
    name="aid-multilabel",
    title="AID with several labels",
    files=(
        RemoteFile(
            f"{AID_SPLITS}_train.csv",
            "sha256:594011235c57b9948935cdb18dcca06234ce22f545d526f846036cdb2fd2818e",
            88_789,
        ),
        RemoteFile(
            f"{AID_SPLITS}_val.csv",
            "sha256:25911762d7417ed323036ad635be03ac02220ac3ae7ceb7a8dab6a914cb98b2b",
            22_254,
        ),
        RemoteFile(
            f"{AID_SPLITS}_test.csv",
            "sha256:eedcae134f71442e8988a231632d05c993d0fe4805c3aaaa479c3e2d577a3134",
            27_921,
        ),
    ),
    home="https://github.com/Hua-YS/AID-Multilabel-Dataset",
    license="none stated by the authors, MIT says the mirror of the labels; images as aid",
    is_open=False,
    counts=dict.fromkeys(AID.counts, 100),
    labels=OBJECTS,
    images="aid",
    recipe="labels",
)

RESISC45 = CatalogEntry(
    name="resisc45",
    title="NWPU-RESISC45",
    files=(
        RemoteFile(
            f"{MIRROR}/isaaccorley/resisc45/resolve/"
            "883edc0eee77b2c84225472f10f126e3ed83fa6e/NWPU-RESISC45.zip",
            "sha256:beeecd0b63656290ae6d65cf7763185b0c1c4c54a753ef8088d6fba3faaf1f53",
            427_389_445,
        ),
    ),
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
    files=(
        RemoteFile(
            f"{MIRROR}/torchgeo/PatternNet/resolve/"
            "2dbd901b00e301967a5c5146b25454f5d3455ad0/PatternNet.zip",
            "sha256:456dd031950b0429518b8ec7d30a5c4b3f6456261ee1dd573a3eee43efb29958",
            1_430_000_000,  # as the mirror rounds it
        ),
    ),
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

MLRSNET = CatalogEntry(
    name="mlrsnet",
    title="MLRSNet",
    files=MLRSNET_FILES,
    home="https://github.com/cugbrs/MLRSNet",
    license="CC BY 4.0",
    is_open=True,
    counts=MLRSNET_COUNTS,
    labels=_names("""
    airplane, airport, bare soil, baseball diamond, basketball court, beach, bridge,
    buildings, cars, chaparral, cloud, containers, crosswalk, dense residential area,
    desert, dock, factory, field, football field, forest, freeway, golf course, grass,
    greenhouse, gully, habor, intersection, island, lake, mobile home, mountain, overpass,
    park, parking lot, parkway, pavement, railway, railway station, river, road,
    roundabout, runway, sand, sea, ships, snow, snowberg, sparse residential area,
    stadium, swimming pool, tanks, tennis court, terrace, track, trail, transmission
    tower, trees, water, wetland, wind turbine"""),
    recipe="mlrsnet",
    download_size=1_300_000_000,  # about: a copy as Parquet has 1,304,951,717 bytes
)

BIGEARTHNET = CatalogEntry(
    name="bigearthnet-v2",
    title="BigEarthNet v2",
    files=(
        RemoteFile(
            "https://zenodo.org/records/10891137/files/BigEarthNet-S2.tar.zst",
            "md5:2245ed2d1a93f6ce637d839bc856396e",
            63_251_710_377,
        ),
        RemoteFile(
            "https://zenodo.org/records/10891137/files/metadata.parquet",
            "md5:55687065e77b6d0b0f1ff604a6e7b49c",
            3_616_349,
        ),
    ),
    home="https://bigearth.net",
    license="CDLA-Permissive-1.0; contains Copernicus Sentinel data",
    is_open=True,
    counts={"train": 237_871, "validation": 122_342, "test": 119_825},
    labels=(
        "Urban fabric",
        "Industrial or commercial units",
        "Arable land",
        "Permanent crops",
        "Pastures",
        "Complex cultivation patterns",
        "Land principally occupied by agriculture, with significant areas of natural vegetation",
        "Agro-forestry areas",
        "Broad-leaved forest",
        "Coniferous forest",
        "Mixed forest",
        "Natural grassland and sparsely vegetated areas",
        "Moors, heathland and sclerophyllous vegetation",
        "Transitional woodland, shrub",
        "Beaches, dunes, sands",
        "Inland wetlands",
        "Coastal wetlands",
        "Inland waters",
        "Marine waters",
    ),
    bands=tuple("B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12".split()),
    recipe="bigearthnet",
)

CATALOG = {
    entry.name: entry
    for entry in (
        *(UCMERCED, UCMERCED_LABELS, EUROSAT, EUROSAT_MS, AID, AID_LABELS),
        *(RESISC45, PATTERNNET, MLRSNET, BIGEARTHNET),
    )
}


def catalog_table() -> str:
    """Return the catalog as a text table, with the path of each downloaded data set."""
    head = ("name", "tiles", "classes", "labels", "bands", "download", "path", "license")
    rows = [head, ("bluemarble", "2,212", "9", "15", "3", "none", "rsh itself", PUBLIC)]
    for entry in CATALOG.values():
        size = _in_bytes(entry.size) if entry.size else "unknown"
        size += f" and {entry.images}" * bool(entry.images)
        path, classes = str(entry.find() or "not fetched"), str(len(entry.counts))
        held = (
            f"{entry.tiles:,}",
            classes if entry.has_classes else NONE,
            str(len(entry.labels)) if entry.labels else NONE,
            str(len(entry.bands) or 3),
        )
        rows.append((entry.name, *held, size, path, entry.license))
    return align_columns(rows, left=(0, 6, 7))


def _in_bytes(size: int) -> str:
    kilobytes, megabytes = size / 1e3, size / 1e6
    return f"{megabytes:,.0f} MB" if megabytes >= 1 else f"{kilobytes:,.0f} kB"
