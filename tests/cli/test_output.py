"""Output in any encoding, and file names in none but UTF-8."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from make_scenes import make
from tiers import SLOW

NAMES = ("\N{LATIN CAPITAL LETTER A WITH DIAERESIS}hre", "\N{CJK UNIFIED IDEOGRAPH-6797}")


def rsh(*words: object, **variables: str) -> subprocess.CompletedProcess[bytes]:
    code = "import sys; from rsh.cli.main import main; main(sys.argv[1:])"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, env=environment | variables, capture_output=True, check=False)


@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(name, marks=SLOW) for name in ("cp1252", "utf-16"))]
)
def test_any_output_encoding_will_do(tmp_path: Path, encoding: str):
    folder = make(tmp_path / "data", classes=NAMES, count=3)
    done = rsh("data", "check", folder, PYTHONIOENCODING=encoding)
    text = done.stdout.decode(encoding)
    assert done.returncode == 0, done.stderr
    assert all(name in text or ascii(name)[1:-1] in text for name in NAMES)
    done = rsh("data", "check", folder, "--json", PYTHONIOENCODING=encoding)
    assert list(json.loads(done.stdout.decode(encoding))["classes"]) == list(NAMES)


def test_locale_that_reads_other_file_names_is_refused(tmp_path: Path):
    posix = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = rsh("data", "check", tmp_path, **posix)
    assert done.returncode == 2 and b"PYTHONUTF8=1" in done.stderr
    assert rsh("data", "list", LC_ALL="C").returncode == 0
