"""Who labels may be killed at any moment: what was reported as saved is there.

Kills of whole commands, full disks and the like at random: robustness/faults.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from make_annotations import ANA, BEN, table, told
from tiers import KILLS

from rsh.gallery.annotations.store import ANNOTATIONS, AnnotationStore

TILES = 3000
LABELER = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from make_annotations import ANA, table
from rsh.gallery.annotations.store import AnnotationStore

def label(first):
    store = AnnotationStore.open(table(Path(sys.argv[1]), 3000))
    for row in range(first, first + 90):  # more than are read before it is killed
        store.give_class([row], f"class {row % 9}", by=ANA)
        os.write(1, b"saved %d\\n" % row)
    signal.pause()

while line := sys.stdin.readline():
    pid = os.fork()
    os.write(1, b"pid %d\\n" % pid) if pid else label(int(line))
    if pid == 0:
        os._exit(0)
    sys.stdin.readline()  # until it has been killed: its number is not given to another
    os.waitpid(pid, 0)
    os.write(1, b"\\nended\\n")
"""


@pytest.mark.parametrize("moments", KILLS)
def test_no_label_is_lost_that_was_reported_as_saved(tmp_path: Path, moments: int):
    """One visitor labels tile after tile, killed again and again, beside another who is not."""
    draw, folder = random.Random(0), tmp_path / "gallery"
    mine = AnnotationStore.open(table(folder, TILES))
    key = mine.create_set("mine", [0], by=BEN).key
    here = Path(__file__).parents[2]
    command = [sys.executable, "-c", LABELER, str(folder), str(here), str(here.parent)]
    pipe = subprocess.PIPE
    first = 0
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        for moment in range(moments):
            print(first, file=process.stdin, flush=True)
            pid = int(process.stdout.readline().removeprefix("pid "))
            lines = [process.stdout.readline() for _ in range(draw.randrange(50))]
            mine.put(key, [moment], by=BEN)
            time.sleep(draw.uniform(0, 0.01))
            os.kill(pid, signal.SIGKILL)
            print(file=process.stdin, flush=True)
            lines += iter(process.stdout.readline, "ended\n")
            saved = [
                int(line.split()[1]) for line in lines if line.endswith("\n") and line[0] == "s"
            ]
            last = saved[-1] if saved else first - 1
            found = told(AnnotationStore.open(table(folder, TILES)))
            labeled = [int(name[1:]) for name in found["classes"]]
            assert labeled in ([*range(last + 1)], [*range(last + 2)])  # or the one being saved
            assert all(found["classes"][f"t{row}"] == f"class {row % 9}" for row in labeled)
            assert len(found["sets"]["mine"][1]) == moment + 1
            first = len(labeled)
        process.stdin.close()
    mine.refresh()
    assert first > moments and mine.notes == []
    mine.give_class([*range(first, TILES)], "rest", by=ANA)
    content = (folder / ANNOTATIONS).read_bytes()
    assert content.endswith(b"\n") and mine.notes == AnnotationStore.open(mine._gallery).notes == []
    assert len(told(mine)["classes"]) == TILES
