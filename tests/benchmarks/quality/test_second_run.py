import json
from pathlib import Path

import pytest

from benchmarks.quality import methods, second_run


def test_a_second_row_stands_beside_the_first_of_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [{"key": "a", "method": "csq", "map": 0.9}, {"key": "b", "method": "csq", "map": 0.5}]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, first)) + "\n")
    monkeypatch.setattr(methods, "RESULTS", file)
    table = second_run.tables([{"key": "a", "method": "csq", "map": 0.9004}])
    assert table.splitlines()[2:] == ["| CSQ | 90.04% | 90.00% | +0.040 |"]
