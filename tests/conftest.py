import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any import: threads of one test slow others

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from rsh.data.tiles import TileDataset
    from rsh.explorer.state import ExplorerState
    from rsh.gallery.gallery import Gallery
    from rsh.models.hashnet import HashNet

settings.register_profile("suite", deadline=None, max_examples=40, derandomize=True, database=None)
settings.load_profile("suite")

LONGEST = "test_docs.py"  # minutes, so it begins first: at the end one process would run alone
CLASSES = ("barren", "coast", "evergreen_broadleaf_forest", "snow_and_ice")
TILES = 12  # of each class


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test."""
    items.sort(key=lambda item: item.path.name != LONGEST)


@dataclass(frozen=True)
class TinyRun:
    """A trained run, its data and its gallery; no one writes into them."""

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
def made_once() -> Iterator[Callable[..., Path]]:
    """`shared.shared`, and a look at the end whether a test wrote into what it gave."""
    from shared import shared, untouched

    used = set()

    def give(*args: Any, **options: Any) -> Path:
        folder = shared(*args, **options)
        used.add(folder)
        return folder

    yield give
    assert [folder.name for folder in used if not untouched(folder)] == [], "a test changed these"


@pytest.fixture(scope="session")
def tiny_data(made_once: Callable[..., Path]) -> Path:
    """Real tiles of the sample in class folders."""

    def make(folder: Path) -> None:
        from rsh.data.tiles import TileDataset

        sample = TileDataset.open("bluemarble")
        for name in CLASSES:
            (folder / name).mkdir()
            rows = (sample.items["class"] == name).to_numpy().nonzero()[0]
            for row in rows[:: 134 // TILES][:TILES]:
                (folder / sample.items["id"][row]).write_bytes(sample.read_bytes(row))

    return made_once("tiny", make)


@pytest.fixture(scope="session")
def tiny_split(tiny_data: Path) -> Any:
    from rsh.data.tiles import TileDataset

    return TileDataset.open(tiny_data).split(by="class", query=0.25, val=0.25)


@pytest.fixture(scope="session")
def tiny_run(tiny_data: Path, tiny_split: Any, made_once: Callable[..., Path]) -> TinyRun:
    """One training from end to end, 16 bits, its encoder, and the gallery of all tiles."""

    def make(folder: Path) -> None:
        from rsh.config import TrainConfig
        from rsh.encoding.build import build_gallery
        from rsh.models.hashnet import HashNet
        from rsh.models.onnx import FILE
        from rsh.models.onnx_export import export
        from rsh.training.train import train

        run = folder / "run"
        net = HashNet(num_bits=16, image_size=32, hidden=64, feature_dim=16)
        config = TrainConfig(epochs=20, batch_size=16, cached_views=3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RSH_CACHE", str(folder / "cache"))
            history = train(net, tiny_split, config, run=run, progress=False)
            build_gallery(net, tiny_split.dataset, folder / "gallery", run=run, progress=False)
        export(net.eval(), run / FILE)
        shutil.rmtree(folder / "cache")
        (folder / "history.json").write_text(json.dumps(history))

    folder = made_once("trained", make)
    history = json.loads((folder / "history.json").read_text())
    return TinyRun(folder / "run", tiny_data, folder / "gallery", history)


@pytest.fixture
def net(tiny_run: TinyRun) -> "HashNet":
    """The network of the trained run."""
    from rsh.training.run import Run

    return Run.open(tiny_run.folder).net()


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "TileDataset":
    """22 tiles, encoded in parts of 4."""
    from make_encode import archive

    from rsh.data.tiles import TileDataset
    from rsh.encoding import chunk_store

    monkeypatch.setattr(chunk_store, "CHUNK_TILES", 4)
    return TileDataset.open(archive(tmp_path / "archive", slice(0, None, 101)))


@pytest.fixture(scope="session")
def gallery(made_once: Callable[..., Path]) -> "Gallery":
    """300 tiles of the sample, with a map and a projection; no one writes into it."""
    from make_gallery import tiny_gallery

    from rsh.gallery.gallery import Gallery

    return Gallery.open(made_once("gallery", lambda folder: tiny_gallery(folder / "tiny")) / "tiny")


@pytest.fixture(scope="session")
def small_sample(made_once: Callable[..., Path]) -> Path:
    """Tiles of the sample for tutorials that are to run in seconds."""
    import make_tutorials

    return made_once("sample", make_tutorials.small_sample)


@pytest.fixture
def state(gallery: "Gallery") -> "ExplorerState":
    """What a visitor of the page over it starts with."""
    from rsh.explorer.state import ExplorerState

    return ExplorerState(gallery)
