import json
from functools import partial
from pathlib import Path

import pytest
from conftest import TinyRun

from benchmarks.quality import relevance_feedback


def test_rows_are_measured_once(
    tiny_run: TinyRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = tmp_path / "rows.jsonl"
    monkeypatch.setattr(relevance_feedback, "RESULTS", rows)
    monkeypatch.setattr(relevance_feedback, "TRIED", relevance_feedback.TRIED[:2])
    few = partial(relevance_feedback.simulate, judged=3)  # the gallery is small
    monkeypatch.setattr(relevance_feedback, "simulate", few)
    for _ in range(2):
        relevance_feedback.main([tiny_run.folder])
    relevance_feedback.table()
    kept = [json.loads(line) for line in rows.read_text().splitlines()]
    assert [row["what"] for row in kept] == ["feedback"] * 4 + ["reranking"]
    assert {row["environment"]["machine"] for row in kept} and len({r["key"] for r in kept}) == 1
    printed = capsys.readouterr().out
    assert printed.count("measured") == 1 and "| Hamming + features |" in printed
