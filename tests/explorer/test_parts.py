"""A gallery with look bits: what the page says of class bits, look bits and features."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import tiny_gallery, without_classes, write
from refusals import refused

from rsh.explorer.page import Explorer
from rsh.explorer.panels.controls import list_orders
from rsh.explorer.panels.scatter import feature_words
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("divided") / "gallery"
    return tiny_gallery(folder, num_tiles=120, num_bits=24, look_bits=8)


def test_the_page_knows_which_bits_are_which(divided: Gallery, gallery: Gallery):
    page = Explorer(ExplorerState(divided))
    page.dock.tab = "codes"
    assert page.codes.view["parts"] == [
        ["class", 16, "say what it is"],
        ["look", 8, "say what it looks like"],
    ]
    assert page.cards.view["class_bits"] == 16
    bits = page.reasons.view["bits"]
    assert (bits[0], bits[15], bits[16], len(bits)) == (
        "bit 1 (class)",
        "bit 16 (class)",
        "bit 17 (look)",
        24,
    )
    plain = Explorer(ExplorerState(gallery))
    plain.dock.tab = "codes"
    assert plain.codes.view["parts"] == []
    assert plain.cards.view["class_bits"] == 32


def test_without_classes_the_first_bits_form_groups(tmp_path: Path, divided: Gallery):
    made = tiny_gallery(
        tmp_path / "g", num_tiles=60, num_bits=24, look_bits=8, more=without_classes
    )
    page = Explorer(ExplorerState(made))
    page.dock.tab = "codes"
    assert page.codes.view["parts"] == [
        ["group", 16, "gather similar tiles"],
        ["look", 8, "keep finer differences"],
    ]
    assert page.reasons.view["bits"][15:17] == ["bit 16 (group)", "bit 17 (look)"]
    assert dict(page.controls.view["orders"])["class-bits"] == "Hamming + group bits"
    assert dict(list_orders(divided))["class-bits"] == "Hamming + class bits"
    page.controls.search = page.controls.search | {"order": "class-bits"}
    assert page.controls.search["order"] == "class-bits"
    assert page.header.address.endswith("&order=class-bits")
    assert "by their group bits alone" in page.controls.view["order_note"]


@pytest.mark.parametrize("order", ["class-bits", "look-bits"])
def test_results_are_ranked_by_one_part(divided: Gallery, gallery: Gallery, order):
    state = ExplorerState(divided)
    page = Explorer(state)
    assert order in dict(page.controls.view["orders"])
    page.controls.search = page.controls.search | {"order": order}
    answer = search(divided, state.results().name, rerank=order)
    assert [card["row"] for card in page.cards.view["cards"]] == answer.rows.tolist()
    part = order.replace("-", " ")
    assert f"by their {part} alone, ties by features" in page.controls.view["order_note"]
    assert page.header.address.endswith(f"&order={order}")
    assert order not in dict(list_orders(gallery))
    with refused("rerank", value=order):
        ExplorerState(gallery).search_by("top_k", top_k=5, radius=0, order=order)


@pytest.mark.parametrize(
    ("look_bits", "projected", "words"),
    [
        (0, 1.0, "projection head, cosine"),
        (4, 1.0, "projection and look, cosine"),
        (4, 0.0, "look, cosine"),
    ],
)
def test_features_are_named_for_what_they_are(tmp_path: Path, look_bits, projected, words):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, 8))
    features[:, :3] *= projected
    made = write(
        tmp_path / "gallery",
        info={"name": "x", "model": {"look_bits": look_bits, "feature_dim": 3}, "data": {}},
        items=pd.DataFrame({"id": list("abcdef"), "class": "a", "split": "train"}),
        codes=np.ones((6, 8), np.int8),
        features=features,
        thumbnails=[b"x"] * 6,
    )
    term, caption = feature_words(made)
    assert term == words
    assert ("5 principal components" in caption) == (look_bits > 0)
    assert ("projection head" in caption) == (projected > 0)
