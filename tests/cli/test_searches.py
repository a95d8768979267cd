"""Searches find what they always found, in every mode: see make_searches.py."""

import json
from pathlib import Path

import make_searches
import pytest

SCORE = 1e-3  # features are kept in half precision, and other processors round otherwise


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_searches.gallery_of(tmp_path_factory.mktemp("searches"))


@pytest.fixture(scope="module")
def found(small: Path) -> dict:
    return make_searches.searches(small)


@pytest.mark.parametrize("mode", [*make_searches.MODES, "geojson"])
def test_a_search_finds_what_it_found(found: dict, mode: str):
    answer, kept = found[mode], json.loads(make_searches.SEARCHES.read_text())[mode]
    for hit, known in zip(answer.get("hits", ()), kept.get("hits", ()), strict=True):
        assert hit.pop("score") == pytest.approx(known.pop("score"), abs=SCORE)
    assert answer == kept


def test_info_of_a_gallery_is_what_it_was(small: Path):
    assert make_searches.info(small) == make_searches.INFO.read_text()
