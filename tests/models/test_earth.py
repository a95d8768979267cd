"""The architectures of torchgeo and open_clip, with random weights."""

from pathlib import Path

import onnxruntime
import pytest
import torch
from refusals import refused
from tiers import RELEASE
from torch import nn

from rsh.config import TrainConfig
from rsh.data.bands import IMAGE, Bands
from rsh.models import earth
from rsh.models.backbone import BandBackbone, create_backbone
from rsh.models.hashnet import HashNet
from rsh.models.onnx_export import export, load_onnx_backbone
from rsh.models.pretrained import EARTH_MODELS
from rsh.training.loop import make_optimizer

SENTINEL_2 = Bands(("B02", "B03", "B04", "B8A", "VV"), ("reflectance",) * 4 + ("dB",))
# name: feature, side of a small image
SHAPES = {
    "ssl4eo-moco-rgb": (2048, 32),
    "ssl4eo-moco-s2": (2048, 32),
    "ssl4eo-moco-s1": (2048, 32),
    "panopticon": (768, 42),
    "dofa-base": (768, 32),
    "scalemae-large": (1024, 32),
    "satlas-naip": (1024, 64),
    "remoteclip-vit-b-32": (512, 64),
    "remoteclip-vit-l-14": (768, 42),
    "georsclip-vit-b-32": (512, 64),
}
OFTEN = {"ssl4eo-moco-s2", "panopticon", "remoteclip-vit-b-32"}  # one of each library and kind
NAMES = [pytest.param(name, marks=() if name in OFTEN else RELEASE) for name in SHAPES]


def test_each_has_a_shape_here() -> None:
    assert set(SHAPES) == set(EARTH_MODELS)


def bands_for(name: str) -> Bands:
    entry = earth.describe(name)
    return SENTINEL_2 if entry.takes_any_bands else entry.bands


def make(name: str, bands: Bands) -> HashNet:
    return HashNet(
        name,
        num_bits=32,
        image_size=SHAPES[name][1],
        bands=bands.names,
        units=bands.units,
        pretrained=False,
    ).eval()


@pytest.mark.parametrize("name", NAMES)
def test_features_gradients_and_onnx(name: str) -> None:
    bands = bands_for(name)
    net, (width, side) = make(name, bands), SHAPES[name]
    backbone = net.backbone
    images = torch.rand(2, bands.channels, side, side).requires_grad_()
    features = backbone(backbone.normalize(images))
    assert features.shape == (2, width) == (2, backbone.num_features)
    (features * torch.rand(2, width)).sum().backward()
    assert images.grad is not None
    assert (images.grad.abs().amax(dim=(0, 2, 3)) > 0).all()  # every band counts
    trained = [weight for weight in backbone.parameters() if weight.grad is not None]
    assert len(trained) > 50 and all(weight.grad.isfinite().all() for weight in trained)
    groups = make_optimizer(net, nn.Identity(), TrainConfig()).param_groups
    learned = {id(weight) for group in groups for weight in group["params"]}
    assert {id(weight) for weight in backbone.parameters() if weight.requires_grad} <= learned
    rates = {group["lr"] for group in groups}
    assert len(rates) > 4  # lower for lower layers
    encoded = load_onnx_backbone(net)  # compares the features of both
    with torch.no_grad():
        normalized = backbone.normalize(images.detach())
        torch.testing.assert_close(encoded(normalized), backbone(normalized), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_counted_right(name: str) -> None:
    entry = earth.describe(name)
    with torch.device("meta"):
        network = earth.create_network(
            entry, image_size=entry.image_size, pretrained=False, bands=entry.bands
        )
    assert sum(weight.numel() for weight in network.parameters()) == entry.parameters


@pytest.mark.parametrize("name", ["panopticon", "dofa-base"])
def test_any_bands_are_known_by_their_names_and_not_by_their_places(name: str) -> None:
    side = SHAPES[name][1]
    order = [3, 0, 4, 2, 1]
    names, units = SENTINEL_2.names, SENTINEL_2.units
    turned = Bands(tuple(names[i] for i in order), tuple(units[i] for i in order))
    images = torch.rand(1, 5, side, side)
    features = []
    for bands, seen in ((SENTINEL_2, images), (turned, images[:, order]), (turned, images)):
        torch.manual_seed(0)
        backbone = create_backbone(name, image_size=side, pretrained=False, bands=bands).eval()
        assert isinstance(backbone, BandBackbone)
        for weight in backbone.parameters():  # those of radar begin with zeros
            weight.data += 0.01 * torch.rand(
                weight.shape, generator=torch.Generator().manual_seed(1)
            )
        with torch.inference_mode():
            features.append(backbone(seen))
    same, other = ((features[0] - each).abs().max() for each in features[1:])
    assert same < 1e-3 and other > 10 * same


def test_channel_embedding_is_that_of_torchgeo() -> None:
    from torchgeo.models.panopticon import ChnEmb

    theirs = ChnEmb(embed_dim=96)
    for weight in theirs.parameters():
        weight.data = torch.rand(weight.shape)
    ids = torch.tensor([664.0, -1, -4, 443, -2, -3, 2190])
    ours = earth.ChannelEmbedding(theirs, ids)
    torch.testing.assert_close(ours(ids), theirs(ids.clone()[None]))


def test_panopticon_is_that_of_torchgeo() -> None:
    from torchgeo.models import panopticon_vitb14

    theirs = panopticon_vitb14(img_size=42).eval()
    images = torch.rand(2, 3, 42, 42)
    ids = torch.tensor([665.0, -1, 842])
    with torch.inference_mode():
        expected = theirs({"imgs": images, "chn_ids": ids.repeat(2, 1)})
        ours = earth.Panopticon(theirs, (665.0, -1.0, 842.0))(images)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=RELEASE) for name in ("panopticon", "dofa-base")]
)
def test_exported_network_gives_the_codes_of_torch(name: str, tmp_path: Path) -> None:
    net = make(name, SENTINEL_2)
    file = export(net, tmp_path / "net.onnx")
    tiles = torch.rand(3, 5, net.image_size, net.image_size).half()
    session = onnxruntime.InferenceSession(str(file))
    relaxed = session.run(None, {"tiles": tiles.numpy()})[1]
    with torch.inference_mode():
        expected = net.encode(tiles).relaxed
    torch.testing.assert_close(torch.from_numpy(relaxed), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["panopticon", "dofa-base"])
def test_any_bands_may_be_those_of_images(name: str) -> None:
    side = SHAPES[name][1]
    backbone = create_backbone(name, image_size=side, pretrained=False)
    assert backbone.bands == IMAGE and not isinstance(backbone, BandBackbone)
    assert backbone.mean == (0.485, 0.456, 0.406)


def test_values_are_normalized_as_the_library_does() -> None:
    """In our units: torchgeo divides digital numbers by 10,000, which is reflectance."""
    from torchgeo.models import ResNet50_Weights, ScaleMAELarge16_Weights

    for weights, name, factor in (
        (ResNet50_Weights.SENTINEL2_ALL_MOCO, "ssl4eo-moco-s2", 1e4),
        (ResNet50_Weights.SENTINEL1_ALL_MOCO, "ssl4eo-moco-s1", 1.0),
        (ScaleMAELarge16_Weights.FMOW_RGB, "scalemae-large", 255.0),
    ):
        entry = earth.describe(name)
        values = torch.rand(2, entry.bands.channels, 224, 224)
        theirs = values * factor
        for step in weights.transforms:
            if type(step).__name__ == "Normalize":
                theirs = step(theirs.clone())
        mean, std = (torch.tensor(part).view(1, -1, 1, 1) for part in (entry.mean, entry.std))
        torch.testing.assert_close((values - mean) / std, theirs, atol=1e-5, rtol=1e-5)


def test_bands_that_no_value_covers_become_the_mean() -> None:
    bands = earth.describe("ssl4eo-moco-s1").bands
    backbone = create_backbone("ssl4eo-moco-s1", image_size=32, pretrained=False, bands=bands)
    images = torch.full((1, 2, 32, 32), torch.nan)
    assert (backbone.normalize(images) == 0).all()


@pytest.mark.parametrize(
    ("name", "bands", "told"),
    [
        ("ssl4eo-moco-s2", IMAGE, "red, green and blue of 8 bits"),
        ("ssl4eo-moco-s1", Bands(("VH", "VV"), ("dB",) * 2), "VH, VV in dB"),
        ("ssl4eo-moco-s1", Bands(("VV", "VH"), ("DN",) * 2), "VV, VH in DN"),
        ("remoteclip-vit-b-32", Bands(("B04",), ("reflectance",)), "B04 in reflectance"),
        ("panopticon", Bands(("B04", "thermal"), ("reflectance",) * 2), "thermal"),
        ("dofa-base", Bands(("B4", "B3"), ("reflectance",) * 2), "Landsat"),
        ("dofa-base", Bands(("B-4", "b 3"), ("reflectance",) * 2), "Landsat"),
    ],
)
def test_other_bands_are_refused(name: str, bands: Bands, told: str) -> None:
    with refused(names=told):
        create_backbone(name, image_size=224, pretrained=False, bands=bands)


@pytest.mark.parametrize(("name", "near"), [("panopticon", "126"), ("remoteclip-vit-b-32", "128")])
def test_sizes_that_no_patch_fits_are_refused(name: str, near: str) -> None:
    with refused("image_size", value=130, names=(near, "224")):
        create_backbone(name, image_size=130, pretrained=False)


@pytest.mark.parametrize("name", ["panopticon", "satlas-naip", "remoteclip-vit-b-32"])
def test_stages_are_refused_where_the_network_does_not_show_them(name: str) -> None:
    with refused("feature_stages", value=1):
        create_backbone(name, image_size=SHAPES[name][1], pretrained=False, feature_stages=1)


def test_stages_of_a_resnet_join_its_feature() -> None:
    bands = earth.describe("ssl4eo-moco-s1").bands
    made = create_backbone(
        "ssl4eo-moco-s1", image_size=64, pretrained=False, feature_stages=1, bands=bands
    )
    assert made.num_features == 3 * 2048


def test_text_tower_stands_beside_the_image_tower() -> None:
    entry = earth.describe("remoteclip-vit-b-32")
    clip = earth.create_clip(entry, image_size=64, file=None).eval()
    with torch.inference_mode():
        texts = clip.encode_text(torch.zeros(2, 77, dtype=torch.long))
    assert texts.shape == (2, 512)
    assert [name for name, known in EARTH_MODELS.items() if known.has_text] == [
        "remoteclip-vit-b-32",
        "remoteclip-vit-l-14",
        "georsclip-vit-b-32",
    ]
