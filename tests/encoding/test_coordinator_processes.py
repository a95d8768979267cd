"""Several processes make the gallery of one, and one that is killed leaves nothing half done."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from filelock import FileLock
from make_encode import ROOT, archive, content, encode, same, writer
from ports import free_port
from tiers import KILLS, RELEASE, SLOW

from rsh.data.tiles import TileDataset
from rsh.gallery.manifest import WORK
from rsh.gallery.writer import check_gallery

CHUNKS = 8  # more than an archive here has, so that the encode ends
PROGRAM = """
import sys
from rsh.encoding import chunk_store
from rsh.cli.main import main
chunk_store.CHUNK_TILES = 4
main(sys.argv[1:])
"""


def together(run: Path, data: Path, folder: Path) -> subprocess.CompletedProcess:
    program = folder.with_name("program.py")
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", str(free_port()), str(program)]
    command += ["encode", str(run), str(data), "--output", str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=env)


@SLOW
def test_two_processes_make_the_gallery_of_one(net, dataset, tiny_run, tmp_path):
    done = together(tiny_run.folder, dataset.path, tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'two'}: 22 tiles, 16 bits\n"
    assert done.stderr.count("| 0/22 [") == 1  # process 0 alone draws,
    assert "22/22" in done.stderr  # and counts all
    before = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # as the processes have: sums of another order differ in the last digit
    alone = encode(net, dataset, tmp_path / "alone")
    torch.set_num_threads(before)
    two = check_gallery(tmp_path / "two")
    assert content(two) == content(alone)
    assert two.manifest.segments == alone.manifest.segments


@RELEASE
def test_second_encode_beside_two_processes_is_refused(tiny_run, dataset, tmp_path):
    folder = tmp_path / "two"
    (folder / WORK).mkdir(parents=True)
    with FileLock(folder / WORK / "lock"):
        done = together(tiny_run.folder, dataset.path, folder)
    assert done.returncode != 0
    assert f"rsh: {folder} is being encoded by another process" in done.stderr
    assert not list((folder / WORK).glob("*/"))


def wait_for_chunks(work: Path, pid: int, count: int) -> None:
    """Wait until so many chunks are encoded, or the process has ended."""
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if len(list(work.glob("*/rows.npy"))) >= count:
            return
        time.sleep(0.002)


@pytest.mark.parametrize("moments", KILLS)
def test_killed_at_any_moment_the_gallery_is_that_of_a_finished_encode(
    tiny_run, net, tmp_path, moments
):
    """kill -9 at random moments, while a gallery is replaced by one of other tiles."""
    draw, folder = random.Random(0), tmp_path / "gallery"
    archives = [archive(tmp_path / name, slice(int(name), None, 20)) for name in "01"]
    expected = [
        content(encode(net, TileDataset.open(data), tmp_path / f"unbroken{number}"))
        for number, data in enumerate(archives)
    ]
    encode(net, TileDataset.open(archives[0]), folder)
    now, finished, resumed = 0, 0, 0
    with writer(tiny_run.folder, folder, tiles=16) as process:
        assert process.stdin and process.stdout
        for moment in range(moments):
            print(archives[1 - now], file=process.stdin, flush=True)
            pid = int(process.stdout.readline())
            count = (3, 1, CHUNKS, 2, 6)[moment % 5]
            wait_for_chunks(folder / WORK, pid, count)
            time.sleep(draw.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            print(file=process.stdin, flush=True)
            ended_well = process.stdout.readline() == "0\n"
            resumed += any((folder / WORK).glob("*/rows.npy"))
            found = content(check_gallery(folder))
            assert found.keys() == expected[now].keys() or found.keys() == expected[1 - now].keys()
            has_changed = found.keys() == expected[1 - now].keys()
            assert has_changed or not ended_well
            if has_changed:
                now, finished = 1 - now, finished + 1
            same(found, expected[now])
        process.stdin.close()
    assert finished >= 1 and resumed >= 2
