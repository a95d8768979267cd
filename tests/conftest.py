import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any import: threads of one test slow others

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from rsh.data.dataset import TileDataset
    from rsh.explorer.state import ExplorerState
    from rsh.gallery.gallery import Gallery
    from rsh.models.hashnet import HashNet

settings.register_profile("suite", deadline=None, max_examples=40, derandomize=True, database=None)
settings.load_profile("suite")

CLASSES = ("barren", "coast", "evergreen_broadleaf_forest", "snow_and_ice")
TILES = 12  # of each class


@dataclass(frozen=True)
class TinyRun:
    """A trained run, its data and its gallery; nobody writes into them."""

    folder: Path
    data: Path
    gallery: Path
    history: list[dict[str, float]]


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(tiny_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test out of the user's cache."""
    monkeypatch.setenv("RSH_CACHE", str(tiny_cache))
    return tiny_cache


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where data sets are fetched to in this test."""
    monkeypatch.setenv("RSH_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real tiles of the sample in class folders."""
    from rsh.data.dataset import TileDataset

    folder = tmp_path_factory.mktemp("data") / "tiny"
    sample = TileDataset.open("bluemarble")
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for row in (sample.items["class"] == name).to_numpy().nonzero()[0][:: 134 // TILES][:TILES]:
            (folder / sample.items["id"][row]).write_bytes(sample.read_bytes(row))
    return folder


@pytest.fixture(scope="session")
def tiny_split(tiny_data: Path) -> Any:
    from rsh.data.dataset import TileDataset

    return TileDataset.open(tiny_data).split(by="class", query=0.25, val=0.25)


@pytest.fixture(scope="session")
def tiny_run(
    tiny_data: Path, tiny_split: Any, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> TinyRun:
    """One training from end to end, 16 bits, and the gallery of all tiles."""
    from rsh.config import TrainConfig
    from rsh.encoding.build import build_gallery
    from rsh.models.hashnet import HashNet
    from rsh.training.train import train

    folder = tmp_path_factory.mktemp("runs")
    run, gallery = folder / "run", folder / "gallery"
    net = HashNet(num_bits=16, image_size=32, hidden=64, feature_dim=16)
    config = TrainConfig(epochs=20, batch_size=16, cached_views=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RSH_CACHE", str(tiny_cache))
        history = train(net, tiny_split, config, run=run, progress=False)
        build_gallery(net, tiny_split.dataset, gallery, run=run, progress=False)
    return TinyRun(run, tiny_data, gallery, history)


@pytest.fixture
def net(tiny_run: TinyRun) -> "HashNet":
    """The network of the trained run."""
    from rsh.training.run import Run

    return Run.open(tiny_run.folder).net()


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "TileDataset":
    """22 tiles, encoded in parts of 4."""
    from make_encode import archive

    from rsh.data.dataset import TileDataset
    from rsh.encoding import chunk_store

    monkeypatch.setattr(chunk_store, "CHUNK_TILES", 4)
    return TileDataset.open(archive(tmp_path / "archive", slice(0, None, 101)))


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> "Gallery":
    """300 tiles of the sample, with a map and a projection; nobody writes into it."""
    from make_gallery import tiny_gallery

    return tiny_gallery(tmp_path_factory.mktemp("galleries") / "tiny", num_tiles=300)


@pytest.fixture
def state(gallery: "Gallery") -> "ExplorerState":
    """What a visitor of the page over it starts with."""
    from rsh.explorer.state import ExplorerState

    return ExplorerState(gallery)
