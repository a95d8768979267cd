"""Report words that must not come back: `python docs/check_words.py`, part of `make check`.

The project uses the words of its field, in American spelling and plain English. Each entry names
what to write instead. Ordinary English words that were once names here (where, within, seen) are
checked only where they are a definition or a flag.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".js", ".md", ".j2", ".html", ".css", ".ipynb"}
EXEMPT = {
    "docs/check_words.py": "lists the words",
    "docs/licenses.md": "quotes other projects",
    "tests/project/test_words.py": "tries the list",
    "LICENSE": "is a legal text",
}
TABLES = re.compile(r"<!-- tables?:.*?<!-- end of tables? -->", re.DOTALL)  # recorded earlier

# Parts of identifiers, words of prose and parts of file names, in any case.
WORDS = {
    "anew": "again, re-",
    "bank": "cached features",
    "behaviour": "behavior",
    "centre": "center",
    "centres": "centers",
    "chooser": "class browser",
    "colour": "color",
    "coloured": "colored",
    "colouring": "coloring",
    "colours": "colors",
    "dial": "slider",
    "dials": "sliders",
    "engine": "index",
    "engines": "indexes",
    "exemplar": "top-activating tile",
    "exemplars": "top-activating tiles",
    "grey": "gray",
    "lesson": "tutorial",
    "lessons": "tutorials",
    "lettering": "fonts",
    "licence": "license",
    "neighbour": "neighbor",
    "neighbouring": "neighboring",
    "neighbours": "neighbors",
    "nobody": "say who",
    "picture": "image",
    "pictures": "images",
    "retrace": "snippet",
    "rival": "baseline",
    "rivals": "baselines",
    "shall": "should, must",
    "somebody": "say who",
    "takeaway": "export",
    "tally": "counts",
    "whoever": "say who",
}

# Identifiers as a whole.
NAMES = {
    "ANYWHERE": "NO_FILTER",
    "AS_USUAL": "DEFAULT_TILING",
    "Answered": "SideResult",
    "Borders": "class margins",
    "Cutting": "TilingOptions",
    "DataSet": "CatalogEntry",
    "Door": "LoginHandler",
    "ELSEWHERE": "a hint",
    "Entrance": "LoginHandler",
    "MAKERS": "a hint",
    "Scenes": "TileDataset",
    "Versus": "RankingComparison",
    "backbone_rate": "backbone_lr_scale",
    "bringOut": "highlight",
    "check_place": "check_writable",
    "class_centers": "codewords",
    "cut_scene": "tile_raster",
    "first_words": "first_sentence",
    "hash_centers": "codewords",
    "how_many": "check_top_k",
    "keys_of": "id_hashes",
    "look_again": "rerank_nearest",
    "num_probes": "nprobe",
    "one_line": "escape_control_chars",
    "own_device": "local_device",
    "unsettled": "raw_search",
    "way_back": "recovery_hint",
    "way_out": "hint",
    "weights_of": "soft_bits",
    "whole_file": "atomic_write",
    "whole_folder": "atomic_directory",
}

FLAGS = {
    "--engine": "--type",
    "--frame": "--allow-iframe",
    "--like": "--positive",
    "--pool": "--rerank-depth",
    "--recall": "--target-recall",
    "--stages": "--feature-stages",
    "--start": "--init-from",
    "--step": "--stride",
    "--strength": "--augmentation",
    "--turns": "--tta",
    "--unlike": "--negative",
    "--visitors": "--max-sessions",
    "--where": "--filter",
}

# Definitions in rsh/, by patterns as below.
DEFINITIONS = {
    r"def \w+_of\(": "a verb first",
    r"def (?:alone|bare|covered|gathered|led|noted|percent|plain|sealed|seen|turned)\(": (
        "a verb and the field's word"
    ),
}

# Patterns over the text in lower case; a space matches a line break with its indent and comment.
PHRASES = {
    # definitions
    r"(?:function|const|let) (?:acts|bringout|ink|listen|pen|steer|tell|voice)\b": "emit, on, ctx",
    r"class (?:answered|found|shown|reach|where|way)\b": "the field's word",
    r"'accumulate'|\"accumulate\"|\baccumulate=": "grad_accum_steps",
    # commands and protocols
    r"rsh encode [^\n]*--data\b": "rsh encode RUN DATA",
    r"rsh export\b(?!-onnx)": "rsh export-onnx",
    r"rsh gallery migrate": "galleries are encoded again",
    r"(?:query-vs-query|\bhits)@20": "milan",
    r"query-vs-all|[\"'`](?:whole|everything)[\"'`]": "ervd, fah, all-vs-all@20",
    # labels of the dashboard
    r"ask with (?:a|an|your)\b": "Search with your own image",
    r"bits, then features": "Hamming + features",
    r"choose a query by class": "Browse by class",
    r"clear marks": "clear feedback",
    r"cover it part by part": "Compute",
    r"find a tile by name": "Go to tile",
    r"how far is the rest": "Distance distribution",
    r"most surely [01]": "Strongest",
    r"only tiles where": "Filters",
    r"order by:? (?:bits|features)": "Rank by",
    r"right and wrong among": "relevance of results",
    r"save this answer": "Export results",
    r"show others": "Next 24",
    r"steer the search": "refine results",
    r"unseen in training": "held-out query",
    r"[\"'`]used to choose settings": "validation",
    r"weighted bits": "asymmetric",
    r"what a bit (?:has )?learned": "Inspect a bit",
    r"what do these words mean": "Glossary",
    r"what has a bit learned": "Inspect a bit",
    r"what the search compares": "Hash codes",
    r"which classes are confused\?": "Class confusion",
    r"which parts of the query": "Occlusion sensitivity",
    # prose
    r"folded (?:codes|engine)": "dedup",
    r"(?<!next\x20)generation": "version",
    r"as ties fall": "depending on tie order",
    r"at one and the same\b": "the same",
    r"before the sign\b": "continuous code",
    r"full house": "the server is full",
    r"goes on where": "resumes",
    r"is made again": "is rebuilt",
    r"is no command\b": "Unknown command",
    r"learned? anew": "retrain",
    r"look(?:s|ed)? at again": "re-rank",
    r"mend that\b": "fix",
    r"no tile that can be found": "matches no searchable tile",
    r"not your doing": "went wrong on our side",
    r"nothing between the quotes": "must not be empty",
    r"of one's own\b": "your own",
    r"one and the same\b": "the same",
    r"order of the answer": "rank by",
    r"quarter turns?\b": "rotation",
    r"second look": "re-ranking",
    r"the answer\b(?! is)": "the results",
    r"(?:tiles?|queries|who|what) asks?\b": "is a query",
    r"turn(?:s|ed|ing)? (?:a|the) dial": "move a slider",
    r"unlike (?:tiles|ones)\b": "negative tiles",
    r"way (?:out|back) of\b": "hint",
}
BRITISH = re.compile(
    r"[a-z]*(?:binar|character|emphas|general|initial|maxim|minim|normal|optim|organ|quant|recogn"
    r"|serial|summar|synchron|visual)is(?:e|ed|es|er|ing|ation)|label(?:led|ling)"
)
BREAK = r"(?:\s|\n\s*(?:#|//|\*)\s*)+"
EVERYWHERE, LIBRARY = (
    [(re.compile(old.replace(" ", BREAK)), new) for old, new in table.items()]
    for table in (PHRASES, DEFINITIONS)
)
OWN_FLAG = "add_argument("  # a flag of a script, not of rsh
OTHERS = {"expect_file_chooser", "layout_engine"}  # names of Playwright and Pillow
WORD = re.compile("|".join([r"[A-Z]?[a-z]+", r"[A-Z]+(?![a-z])"]))
NAME = re.compile(r"(?<![\w-])--[a-z-]+|[A-Za-z_]\w*")


def files() -> list[Path]:
    """List the text files under version control, and those about to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = [ROOT / name for name in done.stdout.split("\0") if Path(name).suffix in SUFFIXES]
    twins = {file.with_suffix(".ipynb") for file in found if file.parent.name == "notebooks"}
    return [
        file
        for file in found
        if str(file.relative_to(ROOT)) not in EXEMPT
        and file.is_file()
        and not (file in twins and file.with_suffix(".py").is_file())  # a notebook's text stands in
    ]


@cache
def instead(name: str) -> str | None:
    """Return what to write instead of a flag, an identifier or a word, or None."""
    if name in OTHERS:
        return None
    if new := FLAGS.get(name) or NAMES.get(name):
        return new
    for word in map(str.lower, WORD.findall(name)):
        if word in WORDS or BRITISH.fullmatch(word):
            return WORDS.get(word, "American spelling")
    return None


def hits(text: str, *, library: bool = False) -> Iterator[tuple[int, str, str]]:
    """Yield each hit in a text: its offset, what is there, and what to write instead."""
    if any(map(instead, set(NAME.findall(text)))):
        for match in NAME.finditer(text):
            own = match[0] in FLAGS and text[: match.start()].rstrip("'\"").endswith(OWN_FLAG)
            if not own and (new := instead(match[0])):
                yield match.start(), match[0], new
    lower = text.lower()
    for pattern, new in [*EVERYWHERE, *LIBRARY] if library else EVERYWHERE:
        for match in pattern.finditer(lower):
            yield match.start(), " ".join(match[0].split()), new


def check(file: Path) -> Iterator[str]:
    """Yield one line per hit in a file and in its name."""
    name = str(file.relative_to(ROOT))
    if new := instead(name):
        yield f"{name}: the file's name, write {new!r}"
    text = file.read_text(encoding="utf-8")
    text = TABLES.sub(lambda match: "\n" * match[0].count("\n"), text)
    for offset, old, new in sorted(hits(text, library=name.startswith("rsh/"))):
        yield f"{name}:{text.count(chr(10), 0, offset) + 1}: {old!r}, write {new!r}"


def main() -> int:
    """Print every hit; return 1 if there are any."""
    found = [line for file in files() for line in check(file)]
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
