"""How many neighbors do codes of embeddings keep, alone and as a pool that is re-ranked?

    RSH_DATA=folder python -m benchmarks.quality.embedding_codes
    python -m benchmarks.quality.embedding_codes --table      prints Markdown

Two data sets without labels: real Clay embeddings, in embeddings/ below RSH_DATA, and 10,000
vectors around 200 random centers. Learned codes of 64 and 256 look bits, beside the signs of as
many standardized numbers, and of as many random projections. Queries are a fifth of the tiles; a
pool holds the 100 nearest by code. One JSON line a row in results/embedding_codes.jsonl.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import RESULTS_FOLDER, Row, append, measure_or_print, read_rows
from rsh.codes.binary import Codes, binarize
from rsh.codes.encodings import Encodings
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.embeddings import Embeddings
from rsh.evaluation.baselines import lsh
from rsh.evaluation.neighbors import neighbor_report, standardized
from rsh.evaluation.protocols import DISJOINT
from rsh.io.provenance import environment
from rsh.models.hashnet import HashNet, apply_head, to_encodings
from rsh.training.feature_cache import cached_features
from rsh.training.train import train

RESULTS = RESULTS_FOLDER / "embedding_codes.jsonl"
CLAY = Path("embeddings") / "clay_v0_03WVN.gpq"
CENTERS, COUNT, DIM, SPREAD = 200, 10_000, 256, 0.7
BITS, SEEDS = (64, 256), range(5)
METHODS = LEARNED, PROJECTED, FIRST = (
    "learned",
    "signs of random projections",
    "signs of the first numbers",
)


def main(results: Path) -> None:
    """Measure all rows that are not there."""
    if not (place := os.environ.get("RSH_DATA")):
        raise SystemExit("RSH_DATA is not set: set it to the folder that holds embeddings/")
    with tempfile.TemporaryDirectory() as folder:
        clusters = Path(folder) / "clusters.npy"
        generator = np.random.default_rng(0)
        centers = generator.standard_normal((CENTERS, DIM))[generator.integers(CENTERS, size=COUNT)]
        np.save(clusters, (centers + SPREAD * generator.standard_normal((COUNT, DIM))).astype("f4"))
        for name, file in {"clay": Path(place) / CLAY, "clusters": clusters}.items():
            for seed in SEEDS:
                measure(name, Embeddings.open(file).split(query=0.2, seed=seed), seed, results)


def measure(name: str, split: Split, seed: int, results: Path) -> None:
    """Append the rows of one split."""
    dataset, rows = split.dataset, split.rows("train", "val")
    assert isinstance(dataset, Embeddings)
    done = {(row["data"], row["method"], row["bits"], row["seed"]) for row in read_rows(results)}
    config = TrainConfig(train_on_val=True, seed=seed)
    for bits in BITS:
        missing = [method for method in METHODS if (name, method, bits, seed) not in done]
        if not missing:
            continue
        net = HashNet(f"embedding-{dataset.dim}", num_bits=bits, look_bits=bits, seed=seed)
        train(net, split, config)
        plain = cached_features(net, dataset, net.plain)
        vectors = plain[:, 0].astype(np.float32)
        learned = to_encodings(apply_head(net.head, plain))
        looks = standardized(plain, split)

        codes: dict[str, Codes] = {
            LEARNED: learned.codes,
            PROJECTED: lsh(vectors, rows, num_bits=bits, seed=seed),
            FIRST: binarize(vectors[:, :bits]),
        }
        for method in missing:
            made = codes[method]
            found: Row = {"data": name, "method": method, "bits": bits, "seed": seed}
            encoded = Encodings(made, made.astype(np.float16), learned.features)
            found |= neighbor_report(encoded, looks, split, DISJOINT)
            found |= {"protocol": DISJOINT.name, "fingerprint": dataset.fingerprint}
            append(results, found | {"environment": environment()})
            print(name, method, bits, seed, found["kept"], found["reranked"], flush=True)


def table(rows: list[Row]) -> str:
    """Return means over the seeds."""
    groups: dict[tuple[str, str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["data"], row["method"], row["bits"]), []).append(row)
    lines = [
        [
            *key,
            *(
                f"{statistics.mean(row[figure] for row in found):.3f}"
                for figure in ("kept", "reranked")
            ),
            len(found),
        ]
        for key, found in sorted(groups.items(), key=lambda group: (group[0][0], group[0][2]))
    ]
    return markdown(
        ["data", "codes", "bits", "kept of 10", "kept after re-ranking 100", "seeds"], lines
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    measure_or_print(parser, RESULTS, measure=lambda given: main(given.results), tables=table)
