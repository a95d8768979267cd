"""The catalog of backbones: what `rsh backbones` lists and fetches."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rsh.errors import InputError
from rsh.models.pretrained import EARTH_MODELS, HUB_PREFIXES, RECOMMENDED, Pretrained
from rsh.models.weight_files import ask_server, fetch_file, fetch_weights, find_weights
from rsh.text import align_columns, install_hint

MOST_LISTED = 40
SHORT = 3  # bands whose names a table has room for


def find_names(pattern: str) -> list[str]:
    """Return the names of backbones.

    Args:
        pattern: a name, a part of one, or one with an asterisk; "" for those that are recommended.

    Raises:
        InputError: no name matches.
    """
    if not pattern:
        return [*RECOMMENDED, *EARTH_MODELS]
    if pattern in EARTH_MODELS or pattern.startswith(HUB_PREFIXES):
        return [pattern]
    import timm

    wanted = pattern if "*" in pattern else f"*{pattern}*"
    names = [name for name in EARTH_MODELS if fnmatchcase(name, wanted)]
    found = names + timm.list_models(wanted, pretrained=True)
    if pattern in found:
        return [pattern]
    if not found and timm.is_model(pattern):
        return [pattern]
    if not found:
        raise InputError(f"no backbone is called {pattern!r}: try a part of a name, such as resnet")
    return found


def describe_backbone(name: str) -> Pretrained:
    """Return what is known of a backbone.

    Args:
        name: one of `find_names`. Of a backbone whose library is not installed, only what needs no
            library is known.

    Raises:
        InputError: no such backbone.
    """
    if name in EARTH_MODELS:
        if not EARTH_MODELS[name].is_installed:
            return EARTH_MODELS[name]
        from rsh.models import earth

        return earth.describe(name)
    from rsh.models import timm_models

    about = timm_models.describe(name)
    return replace(about, parameters=timm_models.count_parameters(name))


def find_file(entry: Pretrained) -> str:
    """Return where the weights of a backbone are: a path, or in a package; "" if nowhere."""
    if entry.library == "timm":
        from rsh.models.timm_models import PACKAGED, is_packaged

        if is_packaged(entry.name):
            return f"package {PACKAGED[entry.name]}"
    file = find_weights(entry)
    return str(file) if file else ""


def to_json(entry: Pretrained) -> dict[str, Any]:
    """Return a backbone as JSON has it."""
    about = asdict(entry) | {
        "bands": list(entry.bands.names) if entry.knows_bands else None,
        "units": list(entry.bands.units) if entry.knows_bands else None,
        "open": entry.is_open,
        "installed": entry.is_installed,
        "weights": find_file(entry) or None,
    }
    for key in ("model", "unit", "scale"):
        del about[key]
    return about


def to_table(entries: Sequence[Pretrained]) -> str:
    """Return backbones as a table, a line each."""
    rows = [("name", "parameters", "bands", "input", "license", "weights", "for")]
    for entry in entries:
        count = f"{entry.parameters / 1e6:,.1f} M" if entry.parameters else ""
        where = "needs rsh[earth]"
        if entry.is_installed:
            where = "here" if find_file(entry) else "not fetched"
        size = f"{entry.image_size} px"
        bands = _name_bands(entry)
        rows.append((entry.name, count, bands, size, entry.license, where, entry.purpose))
    table = align_columns(rows, left=(0, 2, 4, 5, 6))
    missing = next((entry for entry in entries if not entry.is_installed), None)
    return f"{table}\n{install_hint(missing.library, 'earth')}" if missing else table


def to_text(entry: Pretrained) -> str:
    """Return all about one backbone, a line for each thing."""
    file = find_file(entry)
    rows = {
        "name": entry.name,
        "for": entry.purpose,
        "library": entry.library if entry.is_installed else install_hint(entry.library, "earth"),
        "parameters": f"{entry.parameters:,}" if entry.parameters else "",
        "bands": entry.described_bands() if entry.knows_bands else "",
        "input": f"{entry.image_size} pixels"
        + (f", or another multiple of {entry.patch}" if entry.patch > 1 else ""),
        "text tower": "yes" if entry.has_text else "",
        "license": entry.license,
        "terms": entry.home,
        "source": entry.url,
        "weights": file or f"not on this machine: rsh backbones fetch {entry.name}",
    }
    return align_columns([(key, value) for key, value in rows.items() if value], left=(0, 1))


def _name_bands(entry: Pretrained) -> str:
    """Return what a backbone sees, in few words."""
    if not entry.knows_bands:
        return ""
    if entry.takes_any_bands:
        return "any"
    names, units = entry.bands.names, " and ".join(dict.fromkeys(entry.bands.units))
    shown = " ".join(names) if len(names) <= SHORT else f"{len(names)} bands"
    return f"{shown}, {units}" if names else "RGB, 8 bits"


def fetch_backbone(name: str, *, accepted: bool, progress: bool = True) -> Path | None:
    """Download the weights of a backbone, unless they are there: see `fetch_weights`.

    Returns:
        The file; None if the weights come with an installed package.

    Raises:
        InputError: no such backbone, or as for `fetch_weights`.
    """
    if name in EARTH_MODELS:
        from rsh.models import earth

        return fetch_weights(earth.describe(name), accepted=accepted, progress=progress)
    from rsh.models import timm_models

    if name.startswith(HUB_PREFIXES):
        config = timm_models.describe_config(name)
        if find_weights(config) is None:
            fetch_file(ask_server(config), progress=False)
    if timm_models.is_packaged(name):
        return None
    return fetch_weights(timm_models.describe(name), accepted=accepted, progress=progress)
