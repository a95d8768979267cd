import pytest
import torch
from torch import nn

from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.footprint import saved_bytes
from rsh.memory import Memory
from rsh.model import HashNet, fingerprint
from rsh.training import train


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


def test_batch_that_cannot_fit_is_refused_before_it_begins(tiny_split, tmp_path, monkeypatch):
    config, each = TrainConfig(finetune=True, batch_size=16), 2 * saved_bytes(small(), VIEW)
    monkeypatch.setattr("rsh.footprint.memory", lambda: Memory(1 << 40, 12 * each))
    message = r"batch_size=16: a step takes over 0\.\d GB of memory, 0\.\d GB are free: choose 8 or"
    with pytest.raises(InputError, match=message):
        train(small(), tiny_split, config, run=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_batch_that_fits_is_trained_on(tiny_split, monkeypatch):
    config, each = (
        TrainConfig(finetune=True, batch_size=16, epochs=1),
        2 * saved_bytes(small(), VIEW),
    )
    monkeypatch.setattr("rsh.footprint.memory", lambda: Memory(1 << 40, 16 * each))
    assert len(train(small(), tiny_split, config, progress=False)) == 1


VIEW = torch.zeros(1, 3, 32, 32)
