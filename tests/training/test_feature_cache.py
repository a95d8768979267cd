import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from refusals import refused
from tiers import RELEASE

from rsh.data.decoded import decoded_tiles
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, RshWarning
from rsh.io import array_cache
from rsh.models.augment import ViewSpec
from rsh.models.hashnet import HashNet
from rsh.training import feature_cache
from rsh.training.feature_cache import cache_key, cached_features, extract_features, tiles_at_a_time

VIEWS = ViewSpec(32, count=4)  # two tiles go through the backbone at a time


@pytest.fixture(scope="module")
def net() -> HashNet:
    return HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8).eval()


@pytest.fixture
def dataset(tmp_path: Path) -> TileDataset:
    rng = np.random.default_rng(0)
    for name in ("coast", "forest"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(5):
            pixels = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{index}.png")
    return TileDataset.open(tmp_path / "data")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cached-features"


@torch.inference_mode()
def direct(net: HashNet, dataset: TileDataset, spec: ViewSpec) -> np.ndarray:
    tiles = torch.from_numpy(np.array(decoded_tiles(dataset, spec.image_size, progress=False)))
    rows = [spec.of(tiles[row, None], row)[0] for row in range(len(dataset))]
    return torch.stack([net.backbone(net.backbone.normalize(views)) for views in rows]).numpy()


@pytest.mark.parametrize("spec", [ViewSpec(32), ViewSpec(32, 3), ViewSpec(32, 3, "strong", seed=1)])
def test_cache_holds_what_the_backbone_gives_for_each_view(net, dataset, spec: ViewSpec):
    found = cached_features(net, dataset, spec, progress=False)
    expected = direct(net, dataset, spec)
    assert found.dtype == np.float16
    assert found.shape == (10, len(spec), net.head.trunk[0].in_features)
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("spec", [ViewSpec(32), ViewSpec(32, 3, "strong")])
@pytest.mark.parametrize("threads", [1, 3])
def test_tile_has_the_same_features_in_every_batch(net, dataset, spec: ViewSpec, threads: int):
    tiles = decoded_tiles(dataset, 32, progress=False)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole, single = (
            np.concatenate(
                list(
                    extract_features(
                        net, (tiles[i : i + size] for i in range(0, len(tiles), size)), spec
                    )
                )
            )
            for size in (tiles_at_a_time(spec), 1)
        )
        later = extract_features(net, iter([tiles[7:9]]), spec, first=7)
        assert np.array_equal(next(later), whole[7:9])
        later.close()  # before its end, as an interrupted command does
        assert torch.get_num_threads() == threads
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(single, whole)


def test_many_views_are_computed_by_onnx_runtime_as_by_torch(
    net, dataset, own_cache: Path, monkeypatch, capsys
):
    by_torch = np.array(cached_features(net, dataset, VIEWS, progress=False))
    monkeypatch.setattr(feature_cache, "ONNX_PAYS", 40)
    found = cached_features(net, dataset, VIEWS)
    assert "ONNX Runtime" in capsys.readouterr().err
    assert len(list(own_cache.glob("*.npy"))) == 2  # they never mix
    difference = np.abs(found.astype(np.float32) - by_torch.astype(np.float32))
    assert difference.max() <= 2e-3 * np.abs(by_torch).max()  # a step of float16, or none
    assert (difference > 0).mean() < 0.05
    monkeypatch.setattr(feature_cache, "load_onnx_backbone", None)  # it is not exported again
    assert np.array_equal(cached_features(net, dataset, VIEWS), found)
    plain = ViewSpec(32, tta=4)
    monkeypatch.setattr(feature_cache, "ONNX_PAYS", 1)
    cached_features(net, dataset, plain, progress=False)  # by torch, like all encoding


def nothing_traceable(images: torch.Tensor) -> torch.Tensor:
    raise TypeError("no trace")


@pytest.mark.parametrize(
    ("factor", "why"),
    [
        (lambda images: images.sum().item(), "differ from those of its ONNX form"),
        (lambda images: np.tanh(images.numpy(force=True)).shape[0], "differ from those"),
        (lambda images: torch.jit.is_tracing() and nothing_traceable(images), "has no ONNX form"),
    ],
)
def test_backbone_without_an_onnx_form_is_left_to_torch(
    dataset, own_cache: Path, monkeypatch, factor, why: str
):
    other = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8).eval()
    forward = other.backbone.forward
    # What Python computes is fixed by a trace.
    other.backbone.forward = lambda images: forward(images) * (1 + factor(images))
    expected = np.array(cached_features(other, dataset, VIEWS, progress=False))
    next(own_cache.glob("*.npy")).unlink()
    monkeypatch.setattr(feature_cache, "ONNX_PAYS", 40)
    with pytest.warns(RshWarning, match=f"{why}.*: torch computes its features"):
        found = cached_features(other, dataset, VIEWS, progress=False)
    assert np.array_equal(found, expected)
    assert len(list(own_cache.glob("*.npy"))) == 1


def test_unreadable_tile_ends_the_extraction(net, dataset):
    tiles = decoded_tiles(dataset, 32, progress=False)

    def batches():
        yield tiles[:2]
        raise InputError("3.png cannot be read")

    with refused(names="3.png"):
        list(extract_features(net, batches(), VIEWS))
    assert next(net.backbone.parameters()).device.type == "cpu"


def test_key_changes_with_whatever_decides_the_content(net, dataset, tmp_path: Path):
    other = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
    with torch.no_grad():
        next(other.backbone.parameters())[0] += 0.01
    deeper = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8, feature_stages=1)
    keys = [
        cache_key(net, dataset, ViewSpec(32, 2)),
        cache_key(net, dataset, ViewSpec(32, 2), onnx=True),
        cache_key(net, dataset, ViewSpec(64, 2)),
        cache_key(net, dataset, ViewSpec(32, 3)),
        cache_key(net, dataset, ViewSpec(32, 2, "strong")),
        cache_key(net, dataset, ViewSpec(32, 2, seed=1)),
        cache_key(net, dataset.select(np.arange(9)), ViewSpec(32, 2)),
        cache_key(other, dataset, ViewSpec(32, 2)),
        cache_key(deeper, dataset, ViewSpec(32, 2)),
    ]
    file = tmp_path / "data" / "coast" / "0.png"
    file.write_bytes(file.read_bytes() + b"\0")
    keys.append(cache_key(net, TileDataset.open(tmp_path / "data"), ViewSpec(32, 2)))
    assert len(set(keys)) == len(keys)


def test_key_does_not_change_with_the_head_or_the_place(net, dataset, tmp_path: Path):
    other = HashNet(num_bits=64, image_size=32, hidden=32, feature_dim=4, seed=5)
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = TileDataset.open(tmp_path / "moved")
    assert cache_key(net, moved, VIEWS) == cache_key(other, replace(moved, name="x"), VIEWS)


def test_interrupted_cache_ends_like_an_unbroken_one(net, dataset, own_cache: Path, monkeypatch):
    unbroken = np.array(cached_features(net, dataset, VIEWS, progress=False))
    next(own_cache.glob("*.npy")).unlink()
    monkeypatch.setattr(array_cache, "SAVE_EVERY", 2)
    features, wanted = feature_cache.extract_features, []

    def stopping(net, batches, spec, *, first, apply):
        wanted.append(first)
        for number, part in enumerate(features(net, batches, spec, first=first, apply=apply)):
            if len(wanted) == 1 and number == 3:
                raise KeyboardInterrupt
            yield part

    monkeypatch.setattr(feature_cache, "extract_features", stopping)
    with pytest.raises(KeyboardInterrupt):
        cached_features(net, dataset, VIEWS, progress=False)
    assert np.array_equal(cached_features(net, dataset, VIEWS, progress=False), unbroken)
    assert wanted == [0, 6]


@RELEASE
def test_script_without_a_guard_runs_where_processes_are_spawned(dataset, tmp_path: Path):
    """As on macOS, where a worker process would begin by running the caller's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, rsh\n"
        "from rsh.training.feature_cache import ViewSpec, cached_features\n"
        "multiprocessing.set_start_method('spawn')\n"
        f"scenes = rsh.TileDataset.open({str(dataset.path)!r})\n"
        "net = rsh.HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)\n"
        "print(cached_features(net, scenes, ViewSpec(32), progress=False).shape)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(10, 1, 1280)"], done.stderr


def test_each_bar_has_a_name_of_its_own(net, dataset, own_cache: Path, capsys):
    for spec, name in ((VIEWS, "augmented"), (net.plain, "plain")):
        cached_features(net, dataset, spec)
        assert f"features of {name} views: 100%" in capsys.readouterr().err
