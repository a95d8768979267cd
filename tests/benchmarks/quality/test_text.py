"""Rows of words as queries, with random weights, which say nothing of how well words find."""

import numpy as np
import pytest
from hub_host import hub
from make_clip import clip_gallery, fetch_clip, make_small

from benchmarks.common.rows import read_rows
from benchmarks.quality import text
from benchmarks.quality.text import Side, compare, main, table
from rsh.codes.binary import hamming


def test_rows_are_measured_once_and_missing_weights_are_named(
    tiny_split, tmp_path, monkeypatch
) -> None:
    make_small(monkeypatch)
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub() as served:
        file = fetch_clip(served, monkeypatch)
    clip_gallery(tmp_path, tiny_split)
    results = tmp_path / "results" / "text.jsonl"
    main(tmp_path / "run", results)
    main(tmp_path / "run", results)
    rows = read_rows(results)
    assert [(row["query"], row["by"]) for row in rows] == [
        ("image", "codes"),
        ("image", "features"),
        ("words", "codes"),
        ("words", "features"),
        ("words, not centered", "codes"),
    ]
    assert {row["queries"] for row in rows[2:]} == {4}
    assert all(0 < row["map"] <= 1 for row in rows) and rows[0]["gap"] > 0
    assert table(rows).count("\n") >= len(rows)
    file.unlink()
    with pytest.raises(SystemExit, match="rsh backbones fetch"):
        main(tmp_path / "run", tmp_path / "others.jsonl")


def test_figures_are_means_over_all_orders_of_ties() -> None:
    rng = np.random.default_rng(0)
    query, searched = (
        Side(
            rng.integers(0, 3, count),
            rng.integers(0, 256, (count, 1), dtype=np.uint8),
            rng.integers(0, 2, (count, 5)).astype(np.float32),
        )
        for count in (4, 60)
    )
    found = compare(query, searched, 8)
    far = {
        "codes": hamming(query.packed, searched.packed),
        "features": -(query.features @ searched.features.T),
    }
    for by, distances in far.items():
        drawn = []
        for _ in range(3000):
            order = np.lexsort((rng.random(distances.shape), distances))
            hits = searched.labels[order[:, : text.TOP_K]] == query.labels[:, None]
            right = np.minimum((searched.labels == query.labels[:, None]).sum(1), text.TOP_K)
            ranks = np.arange(1, text.TOP_K + 1)
            drawn.append(((hits.cumsum(1) / ranks * hits).sum(1) / right).mean())
        assert found[by] == pytest.approx(np.mean(drawn), abs=0.006)
