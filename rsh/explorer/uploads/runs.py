"""Which run the processes of visitors' images and words take the network from."""

import json
from pathlib import Path
from typing import Any


def choose_run(folder: Path, given: str) -> str:
    """Return the run that made a gallery, read without the libraries of `Gallery`.

    Args:
        folder: of the gallery.
        given: another run folder, where the gallery's own may have moved; "" for none.

    Returns:
        `given` if its network made the gallery, or if the folder that the gallery names is gone;
        else this folder, "" if there is none.
    """
    model = _read_json(folder / "gallery.json").get("model")
    own = model.get("run") if isinstance(model, dict) else None
    if isinstance(model, dict) and given:
        if _read_json(Path(given) / "config.json").get("fingerprint") == model.get("fingerprint"):
            return given
    return own if isinstance(own, str) and own and Path(own).is_dir() else given


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # opening the gallery or the run says what is wrong with it
    return found if isinstance(found, dict) else {}
