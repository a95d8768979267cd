"""Encodes texts as queries of a gallery, where the backbone has a text tower."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rsh.codes.encodings import Encodings
from rsh.encoding.query import find_run, load_network, make_correction
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.io.files import read_json
from rsh.models.pretrained import EARTH_MODELS, has_text_tower

TextEncoder = Callable[[Sequence[str]], Encodings]


def check_text_tower(gallery: Gallery, *, run: str | Path | None = None) -> None:
    """Refuse a gallery that cannot be searched with text; without torch and the weights.

    Args:
        gallery: an opened gallery.
        run: run folder of the network, if it has moved.

    Raises:
        InputError: its backbone has no text tower, or no longer fits it; or the run is gone.
    """
    model = gallery.manifest.model
    if not has_text_tower(model.backbone):
        which = model.backbone or f"the network of {gallery.folder}"
        which = "a network of embeddings" if model.vector_dim else which
        names = ", ".join(filter(has_text_tower, EARTH_MODELS))
        raise InputError(
            f"this gallery is not searched with words, since {which} has no text tower: search "
            f"with an id or an image, or train with one of {names}"
        )
    folder = find_run(gallery, run)
    config = read_json(folder / "config.json", what="run")
    settings = config.get("train")
    if config.get("weights") == "random":
        raise InputError(
            f"the backbone of {folder} began with random weights, so text and images share "
            "nothing: train with the published weights"
        )
    if isinstance(settings, dict) and settings.get("finetune"):
        raise InputError(
            f"the backbone of {folder} was fine-tuned, so it no longer fits its text tower: train "
            "without --finetune"
        )


def open_text_encoder(gallery: Gallery, *, run: str | Path | None = None) -> TextEncoder:
    """Return what encodes texts with the network that made a gallery, as its images were encoded.

    It takes torch, open_clip and the published weights of the backbone, which hold the text tower.
    Open it once, and call it as often as needed.

    Args:
        gallery: an opened gallery.
        run: run folder of the network, if it has moved.

    Returns:
        A function from n texts to their Encodings. It raises InputError if a text is empty, or
        longer than the tower reads.

    Raises:
        InputError: the gallery cannot be searched with text, or the network or the weights are gone
            or have changed.
    """
    check_text_tower(gallery, run=run)
    from rsh.models import earth  # torch, and what only some install
    from rsh.models.hashnet import apply_head, to_encodings
    from rsh.models.text_tower import image_tower_fingerprint, load_text_tower

    entry = earth.describe(gallery.manifest.model.backbone)
    net = load_network(gallery, run)
    backbone: Any = net.backbone
    image_tower = image_tower_fingerprint(backbone.network.network)
    head, center, image_size = net.head, net.image_center, net.image_size
    del net, backbone  # a whole model is read next
    if center is None or not center.length:
        raise InputError(
            f"{find_run(gallery, run)} does not know where the features of images lie: train again"
        )
    tower = load_text_tower(entry, image_size=image_size, image_tower=image_tower)
    corrected = make_correction(gallery)

    def encode(texts: Sequence[str]) -> Encodings:
        if isinstance(texts, str) or not texts:
            raise InputError('give a list of texts, such as ["solar farm"]')
        features = tower.to_image_features(texts, center).half().numpy()
        return corrected(to_encodings(apply_head(head, features)))

    return encode
