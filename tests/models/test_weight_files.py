"""Weights from a hub on 127.0.0.1 to networks, and all that is refused on the way."""

import hashlib
import json
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from filelock import FileLock
from hub_host import Hub, hub
from make_weights import constant_state, pickled, publish
from refusals import refused
from torch import nn

from rsh.cli.main import main
from rsh.data import download
from rsh.data.bands import Bands
from rsh.errors import InputError
from rsh.models import earth, timm_models
from rsh.models.backbone import create_backbone
from rsh.models.catalog import fetch_backbone
from rsh.models.pretrained import EARTH_MODELS
from rsh.models.weight_files import find_weights, read_weights, require_weights, weights_folder

SMALL = "test_resnet.r160_in1k"  # of timm, 0.5 million parameters
RADAR = "ssl4eo-moco-s1"
RADAR_BANDS = Bands(("VV", "VH"), ("dB", "dB"))
CLIP = "remoteclip-vit-b-32"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep all caches in the folder of the test."""
    for name in ("RSH_CACHE", "TORCH_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf_hub_cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSES", (0, 0))
    monkeypatch.setattr(download, "CHUNK", 512)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub() as host:
        monkeypatch.setenv("HF_ENDPOINT", host.url)
        yield host


def small_model() -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = timm.create_model(SMALL)
    return model


def publish_small(served: Hub, model: nn.Module | None = None, name: str = "model.safetensors"):
    state = (model or small_model()).state_dict()
    content = safetensors.torch.save(state) if "safe" in name else pickled(state)
    served.files[f"timm/{SMALL}/resolve/main/{name}"] = content


def radar_state() -> dict[str, torch.Tensor]:
    return constant_state(timm.create_model("resnet50", in_chans=2))


def radar() -> Path:
    file = fetch_backbone(RADAR, accepted=False, progress=False)
    assert file is not None
    return file


def radar_network() -> nn.Module:
    return create_backbone(RADAR, image_size=32, bands=RADAR_BANDS).network


def left() -> list[str]:
    """Return the files that a failed download left."""
    return [path.name for path in weights_folder().glob("*") if not path.name.endswith(".lock")]


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_timm_model_has_the_weights_that_timm_gives_it(served: Hub, name: str) -> None:
    publish_small(served, name=name)
    file = fetch_backbone(SMALL, accepted=False, progress=False)
    assert file is not None and file.parent == weights_folder()
    ours = create_backbone(SMALL, image_size=64)
    overlay = {"file": str(file)}
    theirs = timm.create_model(
        SMALL, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
    )
    assert ours.network.state_dict().keys() == theirs.state_dict().keys()
    for one, other in zip(
        ours.network.state_dict().values(), theirs.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)
    asked = len(served.asked)
    assert fetch_backbone(SMALL, accepted=False, progress=False) == file
    assert len(served.asked) == asked  # it is there


def test_transformer_of_another_size_has_the_weights_that_timm_gives_it(served: Hub) -> None:
    name = "test_vit.r160_in1k"
    state = timm.create_model(name).state_dict()
    content = safetensors.torch.save(state)
    served.files[f"timm/{name}/resolve/main/model.safetensors"] = content
    file = fetch_backbone(name, accepted=False, progress=False)
    ours = create_backbone(name, image_size=96)
    theirs = timm.create_model(
        name,
        pretrained=True,
        num_classes=0,
        img_size=96,
        pretrained_cfg_overlay={"file": str(file)},
    )
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.network.state_dict()[key], value), key


def test_model_of_the_hub_is_made_as_its_configuration_says(served: Hub) -> None:
    model = timm.create_model("test_resnet", num_classes=7)
    cfg = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "input_size": [3, 96, 96]}
    cfg |= {"num_classes": 7, "classifier": "fc", "first_conv": "conv1", "license": "mit"}
    config = {"architecture": "test_resnet", "num_classes": 7, "pretrained_cfg": cfg}
    served.files["me/tiles/resolve/main/config.json"] = json.dumps(config).encode()
    weights = safetensors.torch.save(model.state_dict())
    served.files["me/tiles/resolve/main/model.safetensors"] = weights
    name = "hf_hub:me/tiles"
    with refused(names=f"rsh backbones fetch {name}"):
        create_backbone(name, image_size=64)
    fetch_backbone(name, accepted=False, progress=False)
    made = create_backbone(name, image_size=64)
    assert (made.mean, made.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    for key, value in made.network.state_dict().items():
        assert torch.equal(value, model.state_dict()[key])
    assert timm_models.describe(name).license == "mit"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (b"[]", "no model of timm"),
        (b"{}", "no model of timm"),
        (b"{", "no model of timm"),
        (
            b'{"architecture": "nothing", "mean": [0], "std": [1], "input_size": [3, 9, 9]}',
            "which timm does not know",
        ),
        (
            b'{"architecture": "resnet18", "mean": [0], "std": [1], "input_size": [5, 9, 9]}',
            "5 bands",
        ),
    ],
)
def test_other_configurations_are_refused(served: Hub, config: bytes, told: str) -> None:
    served.files["me/tiles/resolve/main/config.json"] = config
    with refused(names=told):
        fetch_backbone("hf_hub:me/tiles", accepted=True, progress=False)


@pytest.mark.parametrize("name", ["hf_hub:tiles", "hf-hub:", "hf_hub:a/b/c"])
def test_name_of_the_hub_must_have_an_owner(name: str) -> None:
    with refused(names="hf_hub:owner/name"):
        create_backbone(name, image_size=64)


def test_all_of_a_small_file_reach_a_network_of_torchgeo(
    served: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = radar_state()
    address = publish(served, RADAR, pickled(state), monkeypatch)
    with refused(names=f"rsh backbones fetch {RADAR}"):
        radar_network()
    main(["backbones", "fetch", RADAR])
    told = capsys.readouterr()
    assert address in told.err and "CC-BY-4.0" in told.err and "MB" in told.err
    assert f"--backbone {RADAR}" in told.err and str(weights_folder()) in told.out
    loaded = radar_network().state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in loaded)
    note = json.loads(next(weights_folder().glob("*.pth.json")).read_text())
    assert note["license"] == "CC-BY-4.0" and note["url"] == address and len(note["sha256"]) == 64


def test_broken_connection_is_taken_up_where_it_broke(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, RADAR, pickled(radar_state()), monkeypatch)
    served.cuts = [2048, 1024]
    assert radar().read_bytes() == next(iter(served.files.values()))
    assert served.downloads() == ["bytes=0-", "bytes=2048-", "bytes=3072-"]


def test_download_that_was_given_up_goes_on_the_next_time(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, RADAR, pickled(radar_state()), monkeypatch)
    served.cuts = [4096, 0, 0]
    with refused(names=("run the same command again to resume", RADAR)):
        radar()
    with refused(names="not on this machine"):
        radar_network()
    radar()
    assert served.downloads()[-1] == "bytes=4096-"
    assert radar_network()


def test_content_that_differs_from_its_checksum_is_deleted(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, RADAR, pickled(radar_state()), monkeypatch)
    served.spoils = True
    with refused(names=("does not have the sha256", "was deleted")):
        radar()
    assert left() == []
    served.spoils = False
    radar()
    assert radar_network()


def test_checksum_in_a_name_is_compared_with_what_a_server_sends(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own statement would fit the altered file."""
    publish(served, RADAR, pickled(radar_state()), monkeypatch, sha256="kept")
    with refused(names="906e4356"):
        radar()
    assert left() == []


def test_known_checksum_is_compared_with_what_a_server_sends(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = EARTH_MODELS[CLIP].sha256
    publish(served, CLIP, pickled({"a": torch.zeros(2)}), monkeypatch, sha256=known)
    with refused(names=known):
        fetch_backbone(CLIP, accepted=True, progress=False)
    assert left() == []


def test_content_of_another_length_than_stated_is_refused(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, RADAR, pickled(radar_state()), monkeypatch)
    served.states_checksum = False
    served.headers = {"Content-Length": "1000"}
    with refused(names=(served.url, "does not hold weights alone")):
        radar()
    assert not find_weights(earth.describe(RADAR))


def test_file_that_was_altered_or_cut_later_is_refused(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(served, RADAR, pickled(radar_state()), monkeypatch)
    file = radar()
    content = file.read_bytes()
    for spoilt in (content[:-9], content[:-1] + b"x"):
        file.write_bytes(spoilt)
        with refused(names=(file, "delete it")):
            radar_network()
        with refused(names=file):
            radar()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("layer1.0.conv1.weight"), "layer1.0.conv1.weight is missing"),
        (
            lambda state: state.update({"conv1.weight": torch.zeros(64, 13, 7, 7)}),
            "the network needs (64, 2, 7, 7)",
        ),
    ],
)
def test_weights_of_another_architecture_are_refused(
    served: Hub, monkeypatch: pytest.MonkeyPatch, change, told: str
) -> None:
    state = radar_state()
    change(state)
    publish(served, RADAR, pickled(state), monkeypatch)
    radar()
    with refused(names=told):
        radar_network()


def test_weights_of_another_model_of_timm_are_refused(served: Hub) -> None:
    publish_small(served, timm.create_model("test_efficientnet"))
    fetch_backbone(SMALL, accepted=False, progress=False)
    with refused(names=("does not hold the weights", SMALL)):
        create_backbone(SMALL, image_size=64)


@pytest.mark.parametrize("content", [b"hello", b"Repository not found", b"<html>", b""])
def test_what_is_no_pickle_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(content)
    with refused(names="x.bin"):
        read_weights(tmp_path / "x.bin")


def test_a_file_that_was_cut_is_named_by_training_and_fetching(served: Hub) -> None:
    publish_small(served, small_model())
    file = fetch_backbone(SMALL, accepted=False, progress=False)
    content = file.read_bytes()
    for note in file.parent.glob("*.json"):
        note.unlink()  # its user saved the file alone
    file.write_bytes(content[:1000])
    with refused(names=(file.name, "delete it")):
        create_backbone(SMALL, image_size=64)
    with refused(names=file.name):
        fetch_backbone(SMALL, accepted=False, progress=False)


def test_weights_that_lack_a_tensor_are_refused_where_timm_would_take_them(served: Hub) -> None:
    model = small_model()
    state = {key: value for key, value in model.state_dict().items() if "layer3" not in key}
    content = safetensors.torch.save(state)
    served.files[f"timm/{SMALL}/resolve/main/model.safetensors"] = content
    file = fetch_backbone(SMALL, accepted=False, progress=False)
    timm.create_model(
        SMALL, pretrained=True, num_classes=0, pretrained_cfg_overlay={"file": str(file)}
    )
    with refused(names="does not hold the weights"):
        create_backbone(SMALL, image_size=64)


class Harmful:
    """What runs a command as soon as it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.proof),)


def test_code_in_a_pickle_is_not_run(
    served: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proof = tmp_path / "it ran"
    publish(served, RADAR, pickled({"conv1.weight": Harmful(proof)}), monkeypatch)
    with refused(names="does not hold weights alone"):
        radar()
    assert not proof.exists() and left() == []
    file = tmp_path / "plain.pth"
    file.write_bytes(pickle.dumps(Harmful(proof)))
    with refused(names=file):
        read_weights(file)
    assert not proof.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>log in first</html>", pickled({"a": torch.zeros(2)})[:-60], pickled({"a": 1})],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_content_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with refused(names=file):
        read_weights(file)


def test_license_must_be_accepted(
    served: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "scalemae-large"
    entry = earth.describe(name)
    with torch.device("meta"):
        network = earth.create_network(entry, image_size=32, pretrained=False)
    state = {
        key: torch.tensor(0.5).expand(value.shape) for key, value in network.state_dict().items()
    }
    publish(served, name, pickled(state), monkeypatch)
    monkeypatch.setattr(sys, "stdin", open(os.devnull))
    with refused(names=("must be accepted", EARTH_MODELS[name].home, "--accept-license")):
        fetch_backbone(name, accepted=False, progress=False)
    assert "CC-BY-NC-4.0" in capsys.readouterr().err
    assert served.downloads() == []
    fetch_backbone(name, accepted=True, progress=False)
    assert find_weights(earth.describe(name))


def test_every_network_takes_its_weights_at_another_size(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions are resampled; what the file has beside the network, such as a decoder, is left."""
    from torchgeo.models import dofa_base_patch16_224, panopticon_vitb14, swin_v2_b

    panopticon = constant_state(panopticon_vitb14().model)
    panopticon |= {"mask_token": torch.zeros(1, 768), "pos_embed": torch.zeros(1, 1370, 768)}
    dofa = constant_state(dofa_base_patch16_224(num_classes=0))
    dofa = {key: value for key, value in dofa.items() if not key.startswith("fc_norm")}
    for name, state, size in (
        ("panopticon", panopticon, 42),
        ("dofa-base", dofa, 32),
        ("satlas-naip", constant_state(swin_v2_b()), 64),
    ):
        publish(served, name, pickled(state), monkeypatch)
        fetch_backbone(name, accepted=True, progress=False)
        made = create_backbone(name, image_size=size)
        inner = made.network.network
        loaded = getattr(inner, "model", inner).state_dict()
        same = [
            key
            for key, value in state.items()
            if key in loaded
            and value.shape == loaded[key].shape
            and torch.equal(loaded[key], value)
        ]
        assert len(same) > 100 and len(same) >= len(loaded) - 8


def test_image_tower_has_the_weights_of_its_file(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = earth.create_clip(earth.describe(CLIP), image_size=224, file=None)
    state = constant_state(whole)
    checkpoint = {"state_dict": {f"module.{key}": value for key, value in state.items()}}
    publish(served, CLIP, pickled(checkpoint), monkeypatch)
    fetch_backbone(CLIP, accepted=True, progress=False)
    for size in (224, 64):
        loaded = create_backbone(CLIP, image_size=size).network.network.state_dict()
        for key, value in loaded.items():
            if size == 224 or key != "positional_embedding":
                assert torch.equal(value, state[f"visual.{key}"]), key


def test_layers_too_many_are_refused(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    state = constant_state(earth.create_clip(earth.describe(CLIP), image_size=224, file=None))
    state["visual.transformer.resblocks.12.ln_1.weight"] = torch.zeros(768)
    publish(served, CLIP, pickled(state), monkeypatch)
    fetch_backbone(CLIP, accepted=True, progress=False)
    with refused(names="resblocks.12.ln_1.weight is unknown to the network"):
        create_backbone(CLIP, image_size=64)


def test_weights_in_the_caches_of_libraries_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = earth.describe(RADAR)
    checkpoints = tmp_path / "torch_home" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    file = checkpoints / entry.url.rpartition("/")[2]
    file.write_bytes(pickled(radar_state()))
    assert find_weights(entry) == file
    with refused(names=(file, "906e4356")):  # its name states another checksum
        require_weights(entry)

    about = timm_models.describe(SMALL)
    repo = tmp_path / "hf_hub_cache" / f"models--timm--{SMALL}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0" * 40)
    (repo / "blobs").mkdir()
    content = safetensors.torch.save(small_model().state_dict())
    blob = repo / "blobs" / hashlib.sha256(content).hexdigest()
    blob.write_bytes(content)
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(blob)
    assert find_weights(about) == snapshot / "model.safetensors"
    create_backbone(SMALL, image_size=64)
    blob.write_bytes(content[:-1] + b"x")
    with refused(names="was altered or cut"):
        create_backbone(SMALL, image_size=64)


@pytest.mark.parametrize("status", ["gone", "nothing"])
def test_server_that_has_nothing_is_named(served: Hub, status: str, monkeypatch) -> None:
    if status == "gone":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with refused(names=(SMALL, "404" if status == "nothing" else "the connection failed")):
        fetch_backbone(SMALL, accepted=True, progress=False)
    assert left() == []


def test_second_process_is_sent_away(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(served, RADAR, pickled(radar_state()), monkeypatch)
    radar_file = radar()
    radar_file.unlink()
    with FileLock(radar_file.with_name(f".{radar_file.name}.lock")):
        with pytest.raises(InputError, match="another process is fetching"):
            radar()


def test_packaged_weights_need_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    main(["backbones", "fetch", "tf_efficientnet_lite0"])
    assert "come with an installed package" in capsys.readouterr().out
