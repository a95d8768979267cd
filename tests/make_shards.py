"""WebDataset shards of small tiles."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from make_scenes import tile


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    tile(seed).save(stream, "PNG")
    return stream.getvalue()


def make_tar(file: Path, members: dict[str, bytes | dict[str, Any]]) -> Path:
    """Pack files by name; an object becomes JSON."""
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return file


def make_shards(folder: Path, *, shards: int = 3, each: int = 4) -> str:
    """Write shards whose samples have a class each; return their pattern."""
    folder.mkdir(exist_ok=True)
    for shard in range(shards):
        numbers = range(shard * each, (shard + 1) * each)
        make_tar(
            folder / f"tiles-{shard:04}.tar",
            {
                name: content
                for n in numbers
                for name, content in ((f"{n:06}.png", png(n)), (f"{n:06}.cls", b"%d" % (n % 2)))
            },
        )
    return str(folder / f"tiles-{{0000..{shards - 1:04}}}.tar")
