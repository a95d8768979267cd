"""Provenance of results: versions of libraries, and the commit of rsh."""

import os
import platform
import subprocess
from importlib.metadata import version
from importlib.resources import files


def environment() -> dict[str, str]:
    """Return revision, machine and library versions, on which a result depends."""
    versions = {name: version(name) for name in ("torch", "timm", "numpy")}
    # RSH_REVISION is set where only a copy of the checkout runs.
    revision = os.environ.get("RSH_REVISION") or git_revision()
    return {"revision": revision, "machine": platform.machine()} | versions


def git_revision() -> str:
    """Return the commit of the checkout that rsh runs from, or "unknown" outside one.

    It ends in "-dirty" if the library or the sample differ from that commit.
    """
    git = ["git", "-C", str(files("rsh"))]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        )
        diff = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ".", "../data"])
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("-dirty" if diff.returncode else "")
