"""Text as a query: the text tower of CLIP, the heads of a run, and all that is refused."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hub_host import hub
from make_clip import NAME, SIDE, clip_gallery, fetch_clip, make_small
from make_gallery import tiny_gallery
from refusals import refused
from safetensors.torch import load_file, save_file
from torch import nn

from rsh import Gallery
from rsh.cli.main import main
from rsh.codes.binary import binarize
from rsh.data.decoded import decoded_tiles
from rsh.encoding.query import load_network
from rsh.encoding.text import check_text_tower, open_text_encoder
from rsh.models import earth, text_tower
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.head import HashHead, ImageCenter
from rsh.models.text_tower import SCENES, TEMPLATES, TextTower
from rsh.models.weight_files import find_weights
from rsh.models.weights import load_state
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.formats.tables import to_json
from rsh.search.query import Query
from rsh.search.retrieve import search
from rsh.training.run import Run


@pytest.fixture(scope="module", autouse=True)
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        yield patch


@pytest.fixture(scope="module")
def gallery(
    patch: pytest.MonkeyPatch, tiny_split: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gallery]:
    """A gallery of a run on fetched weights, which the cache of this module holds."""
    folder = tmp_path_factory.mktemp("clip")
    patch.setenv("RSH_CACHE", str(folder / "cache"))
    patch.setenv("HF_HUB_CACHE", str(folder / "hub"))
    patch.setenv("NO_PROXY", "127.0.0.1")
    with hub() as served:
        fetch_clip(served, patch)
    yield clip_gallery(folder, tiny_split)


@pytest.fixture(autouse=True)
def cache(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let each test find the weights."""
    folder = gallery.folder.parent / "cache"
    monkeypatch.setenv("RSH_CACHE", str(folder))
    return folder


def published() -> Any:
    """Return the whole model, as open_clip has it."""
    entry = earth.describe(NAME)
    clip: Any = earth.create_clip(entry, image_size=SIDE, file=find_weights(entry))
    return clip.eval()


def slow_features(clip: Any, text: str) -> torch.Tensor:
    """Return what open_clip makes of one text, with all of its 77 tokens."""
    from open_clip import get_tokenizer

    tokens = get_tokenizer("ViT-B-32")([template.format(text) for template in TEMPLATES])
    assert tokens.shape == (len(TEMPLATES), 77)
    return F.normalize(clip.encode_text(tokens, normalize=True).mean(dim=0), dim=0)


def test_a_code_is_that_of_tower_projection_and_head_by_hand(
    gallery: Gallery, tiny_split: Any
) -> None:
    net, texts = load_network(gallery), ["solar farm", "a harbor with many ships"]
    found = open_text_encoder(gallery)(texts)
    clip = published()
    with torch.inference_mode():
        tiles = decoded_tiles(tiny_split.dataset, SIDE, progress=False)
        images = []
        for row in tiny_split.rows("train"):
            tile = torch.from_numpy(np.array(tiles[row : row + 1])).float() / 255
            images.append(clip.encode_image(net.backbone.normalize(tile))[0])
        mean = torch.stack(images).mean(dim=0)
        length = torch.stack([image.norm() for image in images]).mean()
        scenes = torch.stack([slow_features(clip, scene) for scene in SCENES]).mean(dim=0)
        for place, text in enumerate(texts):
            moved = mean + length * (slow_features(clip, text) - scenes)
            trunk = net.head.trunk[1](net.head.trunk[0](moved[None])).relu()
            relaxed = net.head.hash(trunk)
            np.testing.assert_allclose(found.relaxed[place], relaxed[0], atol=0.02)
            sure = relaxed[0].abs() > 0.02
            assert (found.codes[place] == binarize(relaxed)[0])[sure.numpy()].all()
            features = F.normalize(net.head.projection(trunk), dim=1)
            np.testing.assert_allclose(found.features[place], features[0], atol=0.01)
    assert (found.relaxed[0] != found.relaxed[1]).any()


@pytest.mark.parametrize("text", ["forest", "forest!?", "beach !# dunes;", "!$", "a!~b !"])
def test_a_few_tokens_have_the_features_of_all_77(gallery: Gallery, text: str) -> None:
    """A token of text may be zero, like those behind its end."""
    from open_clip import get_tokenizer

    clip, tokens = published(), get_tokenizer("ViT-B-32")([text, "harbor"])
    with torch.inference_mode():
        for some in (tokens[:1], tokens):
            found, expected = text_tower.encode_tokens(clip, some), clip.encode_text(some)
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_a_run_from_before_texts_still_searches_with_images(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    shutil.copytree(gallery.manifest.model.run, old)
    state = load_file(old / "model.safetensors")
    for name in [*state]:
        if name.startswith("image_center."):
            del state[name]
    save_file(state, old / "model.safetensors")
    net = HashNet(**load_network(gallery).settings, pretrained=False)
    net.image_center = None
    load_state(net, state)
    config = json.loads((old / "config.json").read_text())
    config["fingerprint"] = fingerprint(net)
    (old / "config.json").write_text(json.dumps(config))
    loaded = Run.open(old).net()
    assert loaded.image_center is None and fingerprint(loaded) == config["fingerprint"]
    monkeypatch.setattr("rsh.encoding.text.load_network", lambda *_: loaded)
    with refused(names="train again"):
        open_text_encoder(gallery)


def test_images_reach_the_head_as_the_model_encodes_them(gallery: Gallery) -> None:
    net, clip = load_network(gallery), published()
    images = torch.rand(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        features = net.backbone(net.backbone.normalize(images))
        normalized = net.backbone.normalize(images)
        torch.testing.assert_close(features, clip.encode_image(normalized))


class Planted(nn.Module):
    """Features of four classes, and texts that name them, which lie far from all images."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
        self.classes = F.normalize(draw(4, 32), dim=1)
        self.images = (self.classes + 2 * F.normalize(draw(1, 32), dim=1)).repeat_interleave(50, 0)
        self.images = 5 * (self.images + 0.05 * draw(200, 32))
        self.gap = 2 * F.normalize(draw(1, 32), dim=1)
        self.labels = torch.arange(4).repeat_interleave(50)
        self.scenes = 0.1 * draw(len(SCENES), 32) + self.classes.mean(dim=0)

    def read(self, clip: Any, tokens: Any) -> torch.Tensor:
        """Take the place of `encode_tokens`: each text is a number, or a scene."""
        numbers = [text.split(" of ")[1].rstrip(".") for text in tokens]
        rows = [
            self.classes[int(name)] if name.isdigit() else self.scenes[SCENES.index(name)]
            for name in numbers
        ]
        return torch.stack(rows) + self.gap


class Tokenizer:
    """Takes texts as tokens."""

    context_length = 77

    def __call__(self, texts: list[str]) -> list[str]:
        return texts

    def encode(self, text: str) -> list[str]:
        return text.split()


def test_centering_lets_text_find_its_class_across_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted()
    monkeypatch.setattr(text_tower, "encode_tokens", planted.read)
    torch.manual_seed(0)
    head = HashHead(32, num_bits=16, hidden=64, feature_dim=8)
    targets = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]).float()
    targets = targets.repeat(1, 6)[:, :16]  # far apart
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.mse_loss(head(planted.images).relaxed, targets[planted.labels]).backward()
        optimizer.step()
    head.eval()
    center = ImageCenter(32)
    center.fit(planted.images.split(64))
    tower, texts = TextTower(None, Tokenizer()), ["0", "1", "2", "3"]
    with torch.inference_mode():
        moved = binarize(head(tower.to_image_features(texts, center)).relaxed)
        raw = binarize(head(5 * tower.encode(texts)).relaxed)
    right = targets.to(torch.int8)
    nearest = [int((code * right).sum(dim=1).argmax()) for code in torch.as_tensor(moved)]
    assert nearest == [0, 1, 2, 3]
    raw_nearest = [int((code * right).sum(dim=1).argmax()) for code in torch.as_tensor(raw)]
    assert raw_nearest != [0, 1, 2, 3]


def test_the_search_of_a_command_is_that_of_python(
    gallery: Gallery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marked = gallery.ids[0]
    result = search(gallery, text=" solar \n farm ", top_k=5, positive=[marked])
    assert result.query.is_text and result.name == "solar farm"
    file = tmp_path / "found.json"
    words = ["search", str(gallery.folder), "--text", "solar farm", "-k", "5"]
    main([*words, "--positive", marked, "--output", str(file)])
    assert json.loads(file.read_text()) == json.loads(to_json(result))
    assert json.loads(file.read_text())["query"] == {"text": "solar farm"}
    assert "--text='solar farm'" in to_command(result) or "'--text=solar farm'" in to_command(
        result
    )
    found: dict[str, Any] = {}
    exec(to_python(result).replace("print", "len"), found)
    assert found["result"].rows.tolist() == result.rows.tolist()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "told"), [(" \n", "solar farm"), ("many ships " * 40, (77, "many ships"))]
)
def test_texts_that_cannot_be_read_are_refused(gallery: Gallery, text: str, told: Any) -> None:
    with refused(names=told):
        Query.of_text(gallery, text)


def test_longest_text_that_fits_is_read_whole(gallery: Gallery) -> None:
    encode = open_text_encoder(gallery)
    with refused(names=("5", "no text")):
        encode([5])  # type: ignore[list-item]
    for wrong in ("solar farm", []):
        with refused(names="list of texts"):
            encode(wrong)
    longest = " ".join(["ship"] * 70)
    encode([longest])
    with refused(names=77):
        encode([f"{longest} ship ship ship"])


def test_galleries_without_a_text_tower_are_refused(tmp_path: Path) -> None:
    for name, dim in (("of-images", 0), ("of-vectors", 8)):
        made = tiny_gallery(tmp_path / name, num_tiles=20, projection=False, vector_dim=dim)
        with refused(names=("not searched with words", NAME)):
            search(made, text="solar farm")
    with refused(names="either"):
        search(made, made.ids[0], text="solar farm")


def test_run_that_is_gone_is_refused(gallery: Gallery, tmp_path: Path) -> None:
    with refused(names="gone"):
        check_text_tower(gallery, run=tmp_path / "gone")


def test_random_and_fine_tuned_backbones_are_refused(tiny_split: Any, tmp_path: Path) -> None:
    for name, options in (("random", {"pretrained": False}), ("tuned", {"finetune": True})):
        made = clip_gallery(tmp_path / name, tiny_split, **options)
        with refused(names={"random": "random weights", "tuned": "--finetune"}[name]):
            check_text_tower(made)


def test_image_tower_of_other_weights_is_refused(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a run that began with a fine-tuned one."""
    net = load_network(gallery)
    network: Any = net.backbone.network
    with torch.no_grad():
        network.network.conv1.weight[0] += 1e-3
    monkeypatch.setattr("rsh.encoding.text.load_network", lambda *_: net)
    with refused(names=("published", NAME)):
        open_text_encoder(gallery)


def test_weights_that_are_not_here_are_refused(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSH_CACHE", str(tmp_path))
    with refused(names=f"rsh backbones fetch {NAME}"):
        open_text_encoder(gallery)


def test_only_networks_with_a_text_tower_keep_the_center_of_images() -> None:
    net = HashNet(NAME, num_bits=16, image_size=SIDE, pretrained=False)
    assert isinstance(net.image_center, ImageCenter) and not net.image_center.length
    assert not any("image_center" in name for name in HashNet(num_bits=16).state_dict())
