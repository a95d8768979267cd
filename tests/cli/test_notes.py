"""What commands tell beside their result."""

from pathlib import Path

import numpy as np
import pytest
from make_gallery import tiny_gallery

from rsh.cli.main import main


def test_a_search_tells_of_the_tiles_that_it_leaves_out(tmp_path: Path, capsys):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=60)
    tile, held_out = gallery.items["id"][0], gallery.num_held_out
    assert held_out > 1
    main(["search", str(gallery.folder), tile])
    told = f"not searched: {held_out} held-out tiles; --include-held-out finds them, too"
    assert told in capsys.readouterr().err
    main(["search", str(gallery.folder), tile, "--include-held-out"])
    assert "not searched" not in capsys.readouterr().err


@pytest.mark.parametrize(("look_bits", "told"), [(0, True), (8, False)])
def test_a_training_without_labels_tells_of_look_bits(
    tmp_path: Path, capsys, look_bits: int, told: bool
):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 8)).astype("f4"))
    bits = ["--bits", "16", "--look-bits", str(look_bits)]
    data = ["--data", str(tmp_path / "x.npy"), "--output", str(tmp_path / "run")]
    main(["train", *data, *bits, "--epochs", "1", "--batch-size", "8"])
    assert ("note: no tile has a label; --look-bits 8 " in capsys.readouterr().err) == told
