"""Where a file comes from: versions of libraries, and the commit of rsh."""

import os
import platform
import subprocess
from importlib.metadata import version
from importlib.resources import files


def environment() -> dict[str, str]:
    """Return what a figure depends on besides code and data: revision, versions, machine."""
    found = {name: version(name) for name in ("torch", "timm", "numpy")}
    revision = os.environ.get("RSH_REVISION") or git_revision()  # where only a copy was sent
    return {"revision": revision, "machine": platform.machine()} | found


def git_revision() -> str:
    """Return the commit of the checkout that rsh runs from, or "unknown" outside one.

    "-dirty" is added where the library or the sample differ from that commit.
    """
    git = ["git", "-C", str(files("rsh"))]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        )
        same = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ".", "../data"])
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("-dirty" if same.returncode else "")
