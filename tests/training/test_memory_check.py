import weakref

import pytest
import torch
from lightning.fabric import Fabric
from refusals import refused
from torch import nn

from rsh.config import TrainConfig
from rsh.io.machine import Memory
from rsh.models.hashnet import HashNet, fingerprint
from rsh.training.memory import check_batch_fits, saved_bytes
from rsh.training.train import train

VIEW = torch.zeros(1, 3, 32, 32)


def small() -> HashNet:
    return HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)


def test_each_row_saves_the_input_of_a_layer_and_the_output_of_tanh():
    assert saved_bytes(nn.Sequential(nn.Linear(10, 20), nn.Tanh()), torch.ones(1, 10)) == 4 * 30


def test_a_piece_that_two_layers_save_counts_once():
    twice = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 7))  # tanh and the last layer
    assert saved_bytes(twice, torch.ones(1, 10)) == 4 * 30


def test_half_the_precision_saves_half():
    layers = nn.Sequential(nn.Linear(10, 20, bias=False), nn.Tanh())
    with torch.autocast("cpu", torch.bfloat16):
        assert saved_bytes(layers, torch.ones(1, 10)) == 2 * 30


def test_what_is_looked_at_stays_as_it_is():
    net, state = small(), torch.get_rng_state()
    before = fingerprint(net)
    assert saved_bytes(net, torch.ones(1, 3, 32, 32)) > 0
    assert fingerprint(net) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_nothing_of_it_stays():
    trials = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(10, 20)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            trials.append(weakref.ref(self.layer.weight))
            return self.layer(rows).tanh()  # saves its own output

    saved_bytes(Watched(), torch.ones(1, 10))
    assert [trial() for trial in trials] == [None, None]


@pytest.fixture
def fits(monkeypatch):
    """Whether a batch fits where there is memory for so many tiles."""

    def check(batch_size: int, room: float, *, precision: str = "32-true", compile: bool = False):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        with fabric.autocast():
            free = int(room * 2 * saved_bytes(small(), VIEW))
        monkeypatch.setattr("rsh.training.memory.memory", lambda: Memory(1 << 40, free))
        config = TrainConfig(finetune=True, batch_size=batch_size, compile=compile)
        check_batch_fits(small(), config, fabric, num_tiles=batch_size)

    return check


@pytest.mark.parametrize(
    "precision", ["32-true", pytest.param("bf16-mixed", marks=pytest.mark.slow)]
)
def test_batch_that_cannot_fit_is_refused(fits, precision: str):
    fits(16, 16, precision=precision)
    with refused("batch_size", value=16, names=10):
        fits(16, 15.9, precision=precision)


def test_no_batch_is_named_where_none_fits(fits):
    with refused("batch_size", names="--image-size"):
        fits(4, 3.9)


def test_processes_of_one_machine_share_its_memory(fits, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    fits(16, 8)
    with refused("batch_size", names=10):
        fits(16, 7.9)


def test_what_a_compiled_network_saves_is_not_known(fits):
    fits(16, 1, compile=True)


def test_where_free_memory_is_unknown_nothing_is_refused(monkeypatch):
    monkeypatch.setattr("rsh.training.memory.memory", lambda: None)
    fabric = Fabric(accelerator="cpu", devices=1)
    check_batch_fits(small(), TrainConfig(finetune=True), fabric, num_tiles=10**9)


def test_it_is_refused_before_there_is_a_folder(tiny_split, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "rsh.training.train.make_fabric", lambda _: Fabric(accelerator="cpu", devices=1)
    )
    monkeypatch.setattr("rsh.training.memory.memory", lambda: Memory(1 << 40, 1_000_000))
    config = TrainConfig(finetune=True, batch_size=16)
    with refused("batch_size", value=16):
        train(small(), tiny_split, config, run=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
