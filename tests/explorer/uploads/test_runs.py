import json
import subprocess
import sys
from pathlib import Path

import pytest

from rsh.explorer.uploads.runs import choose_run

WORKERS = ("originals.worker", "uploads.worker", "uploads.text_worker")


@pytest.mark.parametrize(
    ("own", "given", "chosen"),
    [
        ("made it", "", "own"),
        ("made it", "another", "own"),
        ("another", "made it", "given"),  # the old place holds another run
        (None, "made it", "given"),
        (None, "another", "given"),  # refused later, since it is another network
        (None, "", ""),
    ],
)
def test_the_run_that_made_the_gallery_is_taken(tmp_path: Path, own, given, chosen):
    def run(name: str, network: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"fingerprint": network}))
        return str(folder)

    old = run("own", own) if own else str(tmp_path / "gone")
    new = run("given", given) if given else ""
    model = {"run": old, "fingerprint": "made it"}
    (tmp_path / "gallery.json").write_text(json.dumps({"model": model}))
    assert choose_run(tmp_path, new) == {"own": old, "given": new, "": ""}[chosen]


def test_the_page_does_not_load_what_its_processes_run():
    """Python warns of it in the log, since a process would have its module twice."""
    workers = [f"rsh.explorer.{name}" for name in WORKERS]
    code = f"import sys, rsh.explorer; print(*set({workers}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()
