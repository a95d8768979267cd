import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rsh import bank
from rsh.bank import bank_key, view_bank
from rsh.errors import InputError
from rsh.model import HashNet
from rsh.scenes import Scenes
from rsh.views import ViewSpec

VIEWS = ViewSpec(32, count=32)  # two tiles go through the backbone at a time


@pytest.fixture(scope="module")
def net() -> HashNet:
    return HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8).eval()


@pytest.fixture
def scenes(tmp_path: Path) -> Scenes:
    rng = np.random.default_rng(0)
    for name in ("coast", "forest"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(5):
            pixels = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{index}.png")
    return Scenes.open(tmp_path / "data")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "banks"


@torch.inference_mode()
def direct(net: HashNet, scenes: Scenes, spec: ViewSpec) -> np.ndarray:
    rows = [spec.of(scenes.read(row), row) for row in range(len(scenes))]
    return torch.stack([net.backbone(net.normalize(views)) for views in rows]).numpy()


@pytest.mark.parametrize("spec", [ViewSpec(32), ViewSpec(32, 3), ViewSpec(32, 3, "strong", seed=1)])
def test_bank_holds_what_the_backbone_gives_for_each_view(net, scenes, spec: ViewSpec):
    found = view_bank(net, scenes, spec, progress=False)
    expected = direct(net, scenes, spec)
    assert found.dtype == np.float16
    assert found.shape == (10, len(spec), net.head.trunk[0].in_features)
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=2e-3, atol=2e-3)


def test_known_bank_is_read_and_not_computed_again(net, scenes, own_cache: Path):
    first = np.array(view_bank(net, scenes, ViewSpec(32), progress=False))
    (file,) = own_cache.glob("*.npy")
    before = file.stat().st_ino
    again = view_bank(net, scenes, ViewSpec(32), progress=False)
    assert file.stat().st_ino == before
    assert np.array_equal(again, first)
    assert list(own_cache.glob("*.npy")) == [file]


def test_bank_cannot_be_written_by_its_reader(net, scenes):
    found = view_bank(net, scenes, ViewSpec(32), progress=False)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0


def test_key_changes_with_whatever_decides_the_content(net, scenes, tmp_path: Path):
    other = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
    with torch.no_grad():
        next(other.backbone.parameters())[0] += 0.01
    keys = [
        bank_key(net, scenes, ViewSpec(32, 2)),
        bank_key(net, scenes, ViewSpec(64, 2)),
        bank_key(net, scenes, ViewSpec(32, 3)),
        bank_key(net, scenes, ViewSpec(32, 2, "strong")),
        bank_key(net, scenes, ViewSpec(32, 2, seed=1)),
        bank_key(net, scenes.take(np.arange(9)), ViewSpec(32, 2)),
        bank_key(other, scenes, ViewSpec(32, 2)),
    ]
    file = tmp_path / "data" / "coast" / "0.png"
    file.write_bytes(file.read_bytes() + b"\0")
    keys.append(bank_key(net, Scenes.open(tmp_path / "data"), ViewSpec(32, 2)))
    assert len(set(keys)) == len(keys)


def test_key_does_not_change_with_the_head_or_the_place(net, scenes, tmp_path: Path):
    other = HashNet(num_bits=64, image_size=32, hidden=32, feature_dim=4, seed=5)
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = Scenes.open(tmp_path / "moved")
    assert bank_key(net, moved, VIEWS) == bank_key(other, replace(moved, name="x"), VIEWS)


class Stopped(Exception):
    """What a person's Ctrl-C stands for here."""


@pytest.mark.parametrize("stop_at", [1, 5, 9])
def test_interrupted_bank_goes_on_where_it_stopped(
    net, scenes, own_cache: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
):
    monkeypatch.setattr(bank, "SAVE_EVERY", 2)
    unbroken = np.array(view_bank(net, scenes, VIEWS, progress=False))
    next(own_cache.glob("*.npy")).unlink()
    read, asked = Scenes.read, []

    def read_until(scenes: Scenes, row: int) -> Image.Image:
        if row == stop_at:
            raise Stopped
        return read(scenes, row)

    def read_and_note(scenes: Scenes, row: int) -> Image.Image:
        asked.append(row)
        return read(scenes, row)

    monkeypatch.setattr(bank, "DataLoader", without_workers)
    monkeypatch.setattr(Scenes, "read", read_until)
    with pytest.raises(Stopped):
        view_bank(net, scenes, VIEWS, progress=False)
    assert not [path for path in own_cache.glob("*.npy") if "partial" not in path.name]
    monkeypatch.setattr(Scenes, "read", read_and_note)
    assert np.array_equal(view_bank(net, scenes, VIEWS, progress=False), unbroken)
    assert asked == list(range(stop_at // 2 * 2, 10))
    assert not list(own_cache.glob("*.partial.*"))


def without_workers(views, **options) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(
        views, **(options | {"num_workers": 0, "multiprocessing_context": None})
    )


def test_worker_processes_give_the_same_bank(net, scenes, own_cache: Path, monkeypatch):
    alone = np.array(view_bank(net, scenes, VIEWS, progress=False))
    next(own_cache.glob("*.npy")).unlink()
    monkeypatch.setattr(bank, "SAVE_EVERY", 2)
    assert np.array_equal(view_bank(net, scenes, VIEWS, progress=False), alone)


@pytest.mark.parametrize("save_every", [256, 2], ids=["in this process", "in workers"])
def test_unreadable_tile_is_named_in_one_line(
    net, scenes, own_cache: Path, tmp_path: Path, monkeypatch, save_every: int
):
    monkeypatch.setattr(bank, "SAVE_EVERY", save_every)
    (tmp_path / "data" / "forest" / "2.png").write_text("no picture")
    with pytest.raises(InputError) as error:
        view_bank(net, scenes, VIEWS, progress=False)
    assert str(error.value).startswith("forest/2.png is not a picture")
    assert "\n" not in str(error.value)
    assert not list(own_cache.glob("*.partial.*"))  # nothing half-filled stays behind


def test_cache_that_cannot_be_written_is_named_with_the_way_out(
    net, scenes, tmp_path: Path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="RSH_CACHE") as error:
        view_bank(net, scenes, ViewSpec(32), progress=False)
    assert str(tmp_path / "file" / "cache") in str(error.value)


def script(scenes: Scenes, *first: str) -> list[str]:
    """A program of its own that wants the plain bank, after some lines of a test's."""
    lines = [
        "import multiprocessing, time, rsh",
        "from rsh import bank",
        *first,
        f"scenes = rsh.Scenes.open({str(scenes.source)!r})",
        "net = rsh.HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)",
        "print(bank.view_bank(net, scenes, bank.ViewSpec(32), progress=False).shape)",
    ]
    file = scenes.source.parent / "script.py"
    file.write_text("\n".join(lines))
    return [sys.executable, str(file)]


def test_script_without_a_guard_runs_where_processes_are_spawned(scenes):
    """As on macOS, where a worker process would begin by running the caller's script again."""
    first = ("multiprocessing.set_start_method('spawn')", "bank.SAVE_EVERY = 2")
    done = subprocess.run(script(scenes, *first), capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(10, 1, 1280)"], done.stderr


def test_two_processes_that_want_one_bank_fill_it_once(net, scenes, own_cache: Path, monkeypatch):
    slow = (
        "fill = bank._fill",
        "def slow_fill(*parts, **options):",
        "    print('filling', flush=True); time.sleep(1); fill(*parts, **options)",
        "bank._fill = slow_fill",
    )
    with subprocess.Popen(script(scenes, *slow), stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "filling\n"
        monkeypatch.setattr(bank, "_fill", None)  # a second filling would fail
        with pytest.warns(UserWarning, match="another process makes this view bank"):
            found = view_bank(net, scenes, ViewSpec(32), progress=False)
    expected = direct(net, scenes, ViewSpec(32))
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=2e-3, atol=2e-3)


def test_banks_unused_for_longest_make_room(net, scenes, own_cache: Path, monkeypatch):
    specs = [ViewSpec(32, seed=seed) for seed in range(3)]
    files = [own_cache / f"{bank_key(net, scenes, spec)}.npy" for spec in specs]
    for spec, file in zip(specs[:2], files[:2], strict=True):
        view_bank(net, scenes, spec, progress=False)
        os.utime(file, (0, 0))
    view_bank(net, scenes, specs[0], progress=False)  # used again: now the second is the oldest
    monkeypatch.setattr(bank, "KEEP_BYTES", 2 * files[0].stat().st_size)
    view_bank(net, scenes, specs[2], progress=False)
    assert [file.exists() for file in files] == [True, False, True]


def test_spoilt_note_of_progress_does_not_stand_in_the_way(net, scenes, own_cache: Path):
    key = bank_key(net, scenes, ViewSpec(32))
    own_cache.mkdir(parents=True)
    (own_cache / f"{key}.partial.npy").write_bytes(b"cut short")
    (own_cache / f"{key}.partial.txt").write_text("4")
    found = view_bank(net, scenes, ViewSpec(32), progress=False)
    expected = direct(net, scenes, ViewSpec(32))
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=2e-3, atol=2e-3)
