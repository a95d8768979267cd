"""What `rsh search` and `rsh gallery info` print of a small gallery, in every mode.

`python tests/make_searches.py` writes golden/searches.json and golden/gallery_info.txt again. Run
it only after a change that is meant to move them; the commit says which.
"""

import io
import json
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

from make_gallery import tiny_gallery

FOLDER = Path(__file__).parent / "golden"
SEARCHES, INFO = FOLDER / "searches.json", FOLDER / "gallery_info.txt"
QUERY = "coast/n72w104_1.jpg"
MARKS = ["--positive", "tundra/n62w098_1.jpg", "--negative", "snow_and_ice/s72e016_1.jpg"]
MODES = {
    "top 20": ["-k", "20"],
    "radius": ["--radius", "8"],
    "features": ["--rerank", "features", "-k", "10"],
    "features of 15": ["--rerank", "features", "--rerank-depth", "15", "-k", "15"],
    "asymmetric": ["--rerank", "asymmetric", "-k", "10"],
    "filter": ["--filter", "class=coast,tundra", "--filter", "split!=train", "-k", "5"],
    "box": ["--filter", "bbox=-20,-40,60,40", "-k", "5"],
    "held out": ["--include-held-out", "-k", "10"],
    "positive and negative": [*MARKS, "-k", "10"],
}


def gallery_of(folder: Path) -> Path:
    """Write the gallery that is searched."""
    return tiny_gallery(folder / "tiny", num_tiles=300).folder


def printed(folder: Path, *words: str) -> str:
    """Return what a command prints in a folder."""
    from rsh.cli.main import main

    text = io.StringIO()
    with chdir(folder), redirect_stdout(text):
        main(list(words))
    return text.getvalue()


def searches(gallery: Path) -> dict[str, Any]:
    """Return what each mode finds, and the hits of one as GeoJSON."""
    commands = {mode: [*words, "--json"] for mode, words in MODES.items()}
    commands["geojson"] = ["-k", "5", "--geojson"]
    return {
        mode: json.loads(printed(gallery.parent, "search", gallery.name, QUERY, *words))
        for mode, words in commands.items()
    }


def info(gallery: Path) -> str:
    """Return what `rsh gallery info` prints."""
    return printed(gallery.parent, "gallery", "info", gallery.name)


def written(found: dict[str, Any]) -> str:
    """Return JSON with a line for each hit, so that a difference can be read."""
    blocks = []
    for mode, answer in found.items():
        hits = answer.pop("hits", None) or answer.pop("features")
        lines = ",\n".join(f"    {json.dumps(hit, ensure_ascii=False)}" for hit in hits)
        name = "features" if mode == "geojson" else "hits"
        head = json.dumps(answer, ensure_ascii=False)[:-1]
        blocks.append(f'  {json.dumps(mode)}: {head}, "{name}": [\n{lines}\n  ]}}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    """Write them."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = gallery_of(Path(folder))
        SEARCHES.write_text(written(searches(gallery)))
        INFO.write_text(info(gallery))


if __name__ == "__main__":
    main()
