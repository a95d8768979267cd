import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ports import free_port
from tiers import RELEASE

from rsh.config import TrainConfig
from rsh.training.devices import make_fabric

# One step of a linear net (no batch statistics, which one process would take over other rows) on a
# whole batch; each process writes its loss and gradients.
PROGRAM = """
import os, sys, torch
import numpy as np
from torch import nn
from rsh.config import TrainConfig
from rsh.training.devices import make_fabric
from rsh.training.loop import set_up, _loss_terms
from rsh.models.losses.multilevel import Embedding
from rsh.training.batches import FeatureBatches
from rsh.training.neighborhoods import Teacher
from rsh.training.train import make_loss

class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.feature, self.hash = nn.Linear(12, 8), nn.Linear(12, 8)

    def forward(self, x):
        return Embedding(nn.functional.normalize(self.feature(x)), self.hash(x))

sys.path.insert(0, "tests")
from make_training import clusters

config = TrainConfig(method=sys.argv[2], batch_size=32)
fabric = make_fabric(config)
data, labels = clusters(0)
teacher = None
if sys.argv[3] == "some":  # of the labels are known
    labels[np.arange(len(labels)) % 3 > 0] = -1
    teacher = Teacher.fit(data, np.arange(len(data)))
batches = FeatureBatches(data, labels, config, teacher=teacher).to(fabric.device)
loss = make_loss(config, 4, 8)
state = set_up(Linear(), config, loss, fabric, num_batches=len(batches.sampler))
torch.manual_seed(1)
batch = next(batches.epoch(0, rank=fabric.global_rank, world=fabric.world_size))
terms = _loss_terms(state, batch)
fabric.backward(terms["total"])
grads = {name: p.grad for name, p in state.module.module.named_parameters()}
found = {"rank": fabric.global_rank, "rows": len(batch.rows), "grads": grads,
         "terms": {name: value.detach() for name, value in terms.items()}}
torch.save(found, f"{sys.argv[1]}/{fabric.world_size}-{fabric.global_rank}.pt")
"""


def run(folder: Path, processes: int, method: str, known: str) -> list[dict]:
    launcher = [] if processes == 1 else [
        "-m", "torch.distributed.run", "--nproc-per-node", str(processes),
        "--master-addr", "127.0.0.1", "--master-port", str(free_port()),
    ]  # fmt: skip
    (folder / "program.py").write_text(PROGRAM)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, *launcher, str(folder / "program.py"), str(folder), method, known],
        cwd=root, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = [folder / f"{processes}-{rank}.pt" for rank in range(processes)]
    return [torch.load(file, weights_only=True) for file in files]


@pytest.mark.parametrize(
    ("method", "known"),
    [
        pytest.param("multilevel", "some", marks=RELEASE),
        pytest.param("multilevel", "all", marks=RELEASE),
        pytest.param("dpsh", "all", marks=RELEASE),
    ],
)
def test_two_processes_have_the_loss_and_gradients_of_one(tmp_path: Path, method: str, known: str):
    (alone,), pair = (run(tmp_path, processes, method, known) for processes in (1, 2))
    assert alone["rows"] == 32 and [part["rows"] for part in pair] == [16, 16]
    for part in pair:
        for name, value in alone["terms"].items():
            torch.testing.assert_close(part["terms"][name], value, rtol=1e-5, atol=1e-6)
        for name, gradient in alone["grads"].items():
            if gradient is not None:
                torch.testing.assert_close(part["grads"][name], gradient, rtol=1e-4, atol=1e-6)
    assert alone["grads"]["hash.weight"].abs().max() > 1e-4


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("auto", "32-true"), ("32", "32-true"), ("bf16", "bf16-mixed")],
)
def test_precision_is_the_one_asked_for(precision: str, expected: str, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    fabric = make_fabric(TrainConfig(precision=precision, finetune=True))
    assert fabric._precision.precision == expected
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")
