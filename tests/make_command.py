"""A command that must fail."""

import pytest

from rsh.cli.main import main


def refuse(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """Run a command that must fail: return its one sentence."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in argv])
    assert stop.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rsh: ")]
    return line
