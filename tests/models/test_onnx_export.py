"""An exported network gives the codes of the network without torch, and its gallery finds it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import TinyRun
from PIL import Image
from refusals import refused
from tiers import RELEASE, SLOW

from rsh.codes.binary import binarize, unpack
from rsh.data.decoded import decoded_tiles
from rsh.data.tiles import TileDataset
from rsh.encoding.build import encode_dataset
from rsh.errors import RshWarning
from rsh.gallery.gallery import Gallery
from rsh.models.hashnet import HashNet, apply_net
from rsh.models.onnx import FILE, OnnxEncoder, find_onnx_encoder
from rsh.models.onnx_export import export
from rsh.training.run import Run


@pytest.fixture(scope="session")
def exported(tiny_run: TinyRun) -> Path:
    return tiny_run.folder / FILE


@RELEASE
def test_codes_of_all_sample_tiles_are_those_of_the_network(exported: Path, tiny_run: TinyRun):
    """Both ways: from images, and from the view cached that galleries are encoded from."""
    net, sample = Run.open(tiny_run.folder).net(), TileDataset.open("bluemarble")
    tiles = decoded_tiles(sample, net.image_size, progress=False)
    found = np.concatenate(
        [OnnxEncoder(exported).encode_tiles(tiles[i : i + 64]).codes for i in range(0, 2212, 64)]
    )
    assert len(found) == len(sample)
    relaxed = apply_net(net, tiles).relaxed.numpy()
    for codes in (binarize(relaxed), encode_dataset(net, sample, progress=False).codes):
        differ = found != codes
        assert differ.sum() <= 3  # of 35,392 bits: sums of another order round in another way,
        assert (np.abs(relaxed[differ]) < 1e-3).all()  # which tells where there is no sign to tell


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"tta": 4}, marks=RELEASE),
        pytest.param({"tta": 8, "feature_stages": 2}, marks=SLOW),
    ],
)
def test_views_and_stages_are_exported_too(tmp_path: Path, settings: dict[str, int]):
    net = HashNet(num_bits=16, image_size=32, hidden=16, feature_dim=8, **settings).eval()
    encoder = OnnxEncoder(export(net, tmp_path / "e.onnx"))
    assert encoder.settings.items() >= settings.items()
    tiles = np.random.default_rng(0).integers(256, size=(7, 3, 32, 32), dtype=np.uint8)
    assert np.array_equal(
        encoder.encode_tiles(tiles).codes, binarize(apply_net(net, tiles).relaxed)
    )


@SLOW
def test_search_by_image_takes_the_encoder_of_the_run_and_no_torch(
    tiny_run: TinyRun, tmp_path: Path
):
    run = shutil.copytree(tiny_run.folder, tmp_path / "run")
    (run / FILE).unlink()
    gallery = Gallery.open(tiny_run.gallery)
    image = tiny_run.data / gallery.items["id"][0]
    code = "import sys; from rsh.cli.main import main; main(sys.argv[1:]); "
    code += "print('torch' in sys.modules)"
    search = ["search", tiny_run.gallery, image, "-k", "3", "--run"]
    answers = []
    for place, loads_torch in ((run, "True"), (tiny_run.folder, "False")):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, search), str(place)],
            capture_output=True,
            text=True,
            check=True,
        )
        *answer, torch = done.stdout.splitlines()
        assert torch == loads_torch
        answers.append(answer)
    assert answers[0] == answers[1]
    assert gallery.packed[0].tobytes().hex() in answers[0][0]


def test_encoder_of_other_weights_is_left_alone(exported: Path, tiny_run: TinyRun, tmp_path: Path):
    model = Gallery.open(tiny_run.gallery).manifest.model
    shutil.copy(exported, tmp_path / FILE)
    assert isinstance(find_onnx_encoder(tmp_path, model.fingerprint), OnnxEncoder)
    assert find_onnx_encoder(tmp_path, "other") is None
    assert find_onnx_encoder(tmp_path / "nowhere", model.fingerprint) is None
    assert find_onnx_encoder("", model.fingerprint) is None


def test_image_of_any_size_and_mode_is_encoded(exported: Path):
    image = Image.new("L", (90, 60), 200)
    with pytest.warns(RshWarning, match="not RGB"):
        codes = OnnxEncoder(exported).encode([image]).codes
    assert codes.shape == (1, 16)
    assert set(np.unique(codes)) <= {-1, 1}


def test_gallery_encodes_as_it_was_encoded(exported: Path, tiny_run: TinyRun):
    gallery = Gallery.open(tiny_run.gallery)
    tile = tiny_run.data / gallery.items["id"][3]
    assert np.array_equal(
        OnnxEncoder(exported).encode([tile]).codes, unpack(gallery.packed[[3]], 16)
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist: make it with `rsh export-onnx`"),
        (b"", "cannot be read"),
        (b"nothing", "cannot be read"),
    ],
)
def test_file_that_is_no_encoder_is_named(tmp_path: Path, content: bytes | None, told: str):
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with refused(names="encoder.onnx"):
        OnnxEncoder(tmp_path / FILE)


def test_encoder_of_which_a_bit_was_flipped_is_refused(exported: Path, tmp_path: Path):
    content = exported.read_bytes()
    for place in np.linspace(0, len(content) - 1, 9).astype(int):
        flipped = content[place] ^ 1
        (tmp_path / FILE).write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        with refused(names="rsh export-onnx"):
            OnnxEncoder(tmp_path / FILE)


def test_network_of_another_user_is_named(exported: Path, tmp_path: Path):
    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / FILE)
    with refused(names=FILE):
        OnnxEncoder(tmp_path / FILE)


@pytest.mark.parametrize("library", ["onnxruntime", "onnxscript"])
def test_missing_library_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
):
    monkeypatch.setitem(sys.modules, library, None)
    small = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8)
    with refused(names=(library, "rsh[onnx]")):
        OnnxEncoder(tmp_path / FILE) if library == "onnxruntime" else export(small, tmp_path / FILE)
    assert not list(tmp_path.iterdir())


def test_metadata_names_the_network(exported: Path, tiny_run: TinyRun):
    config = Run.open(tiny_run.folder).config
    assert OnnxEncoder(exported).settings == config["model"] | {
        "fingerprint": config["fingerprint"]
    }
    about = {each.key: each.value for each in onnx.load(exported).metadata_props}
    assert json.loads(about["rsh"])["num_bits"] == 16
