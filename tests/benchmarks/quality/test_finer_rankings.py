from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.finer_rankings import BY_DISTANCE, finer_rankings
from rsh.codes.binary import binarize, hamming
from rsh.codes.encodings import Encodings, unit
from rsh.data.tiles import TileDataset
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.scoring import RetrievalTask, score
from tests.reference import tied_average_precision

BITS, LOOK_BITS = 8, 3


def encodings(count: int) -> Encodings:
    random = np.random.default_rng(0)
    relaxed = random.choice([-2.0, -0.5, 0.5, 2.0], (count, BITS)).astype(np.float16)
    features = unit(random.normal(size=(count, 4))).astype(np.float16)
    return Encodings(binarize(relaxed), relaxed, features)


@pytest.mark.parametrize("protocol", ["disjoint", "milan"])
def test_rankings_are_those_of_a_slow_loop(tiny_data: Path, protocol: str) -> None:
    split = TileDataset.open(tiny_data).split(seed=0)
    task = RetrievalTask(split, PROTOCOLS[protocol])
    encoded = encodings(len(split.dataset.labels))
    found = finer_rankings(encoded, task, look_bits=LOOK_BITS)
    averaged = score(encoded.codes, task, ties="average")["map"]
    assert found[BY_DISTANCE]["map"] == pytest.approx(averaged)
    assert found[BY_DISTANCE]["gain"] == 0
    for name, each in found.items():
        low, high = each["gain_interval"]
        assert low <= each["gain"] <= high
        assert each["gain"] == pytest.approx(each["map"] - found[BY_DISTANCE]["map"]), name
    if protocol == "disjoint":  # whose mean is that of plain average precisions
        for name, keys in (
            ("distance, ties by relaxed code", ("bits", "soft")),
            ("distance, ties by features", ("bits", "cosine")),
            ("relaxed code", ("soft",)),
            ("features", ("cosine",)),
            ("class bits, ties by look bits", ("class", "look")),
            ("class bits alone", ("class",)),
        ):
            assert found[name]["map"] == pytest.approx(by_hand(encoded, task, keys)), name


def by_hand(encoded: Encodings, task: RetrievalTask, keys: tuple[str, ...]) -> float:
    """Return the mAP of tiles sorted by several keys, equal ones tied."""
    precisions, border = [], BITS - LOOK_BITS
    for query in task.query:
        places, relevant = [], []
        for tile in task.gallery:
            differ = encoded.codes[query] != encoded.codes[tile]
            soft = np.tanh(encoded.relaxed[query].astype(float)) * encoded.codes[tile]
            cosine = encoded.features[query].astype(float) @ encoded.features[tile].astype(float)
            value = {
                "bits": int(hamming(encoded.packed[[query]], encoded.packed[[tile]])[0, 0]),
                "class": int(differ[:border].sum()),
                "look": int(differ[border:].sum()),
                "soft": -round(float(soft.mean()), 5),
                "cosine": -cosine,
            }
            places.append(tuple(value[key] for key in keys))
            relevant.append(bool(task.labels[query] == task.labels[tile]))
        order = sorted(set(places))
        precisions.append(
            tied_average_precision([order.index(place) for place in places], relevant)
        )
    return float(np.mean(precisions))
