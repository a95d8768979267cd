"""The processor that a row was measured on."""

from pathlib import Path


def processor() -> str:
    """Return the name that a processor gives itself."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")
