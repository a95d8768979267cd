"""Text as features that a head of images takes, by the text tower beside an image tower.

Features of text lie in another region than those of images, and a head that never saw this region
gives nearly the same code to all texts. So both are centered: what distinguishes a text from the
mean of many is added to the mean of the images of the training.

Sources: Liang et al. 2022, "Mind the Gap", https://arxiv.org/abs/2203.02053; Zhang et al. 2024,
"Connect, Collapse, Corrupt", https://arxiv.org/abs/2401.08567 (centering); Radford et al. 2021,
CLIP, https://arxiv.org/abs/2103.00020 (templates, whose unit features are averaged).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rsh.errors import InputError
from rsh.models.hashnet import fingerprint
from rsh.models.head import ImageCenter
from rsh.models.pretrained import Pretrained
from rsh.models.weight_files import require_weights

# Two of CLIP's for RESISC45.
TEMPLATES = ("satellite photo of {}.", "aerial photo of {}.")
# The classes of RESISC45 (Cheng et al. 2017, https://arxiv.org/abs/1703.00121).
SCENES = (
    *("airplane", "airport", "baseball diamond", "basketball court", "beach", "bridge"),
    *("chaparral", "church", "circular farmland", "cloud", "commercial area"),
    *("dense residential area", "desert", "forest", "freeway", "golf course"),
    *("ground track field", "harbor", "industrial area", "intersection", "island", "lake"),
    *("meadow", "medium residential area", "mobile home park", "mountain", "overpass"),
    *("palace", "parking lot", "railway", "railway station", "rectangular farmland", "river"),
    *("roundabout", "runway", "sea ice", "ship", "snowberg", "sparse residential area"),
    *("stadium", "storage tank", "tennis court", "terrace", "thermal power station", "wetland"),
)


class TextTower:
    """The text tower of a model of open_clip.

    Attributes:
        center: mean of the features of `SCENES`, (num_features,).
    """

    def __init__(self, clip: Any, tokenizer: Any) -> None:
        """Take what reads tokens, and what makes them."""
        self._clip, self._tokenizer = clip, tokenizer
        self.center = self.encode(SCENES).mean(dim=0)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return features of length 1, each the mean over `TEMPLATES`, (n, num_features).

        Raises:
            InputError: a text is empty, or longer than the tower reads.
        """
        sentences = [template.format(self._check(text)) for text in texts for template in TEMPLATES]
        features = F.normalize(encode_tokens(self._clip, self._tokenizer(sentences)), dim=1)
        return F.normalize(features.view(len(texts), len(TEMPLATES), -1).mean(dim=1), dim=1)

    def _check(self, text: str) -> str:
        """Return a text with single spaces; refuse what would be cut."""
        if not isinstance(text, str):
            raise InputError(f'{text!r} is no text: name what to find, such as "solar farm"')
        words = " ".join(text.split())
        if not words:
            raise InputError('the text is empty: name what to find, such as "solar farm"')
        longest = max(len(self._tokenizer.encode(each.format(words))) for each in TEMPLATES)
        most, long = self._tokenizer.context_length, longest + 2  # start and end
        if long > most:
            raise InputError(
                f"the text {words[:30]!r}... has {long - most} tokens more than the text tower "
                f"reads, which is {most}: shorten it"
            )
        return words

    def to_image_features(self, texts: Sequence[str], center: ImageCenter) -> Tensor:
        """Return features that lie where those of images do, (n, num_features).

        Args:
            texts: as people type them.
            center: of the images.

        Raises:
            InputError: a text is empty, or longer than the tower reads.
        """
        return center.mean + center.length * (self.encode(texts) - self.center)


def encode_tokens(clip: Any, tokens: Tensor) -> Tensor:
    """Return the features of text, (n, num_features), of any length.

    It is `encode_text` of open_clip without what follows the end of the longest text, which no
    token before it sees: a few words take a sixth of the time.

    Args:
        clip: a model of open_clip.
        tokens: of each text, (n, context) int64, with zeros behind its end.
    """
    ends = tokens.argmax(dim=1)  # the largest token; zero is one of text, too
    length = int(ends.max()) + 1
    tokens = tokens[:, :length]
    read = clip.token_embedding(tokens) + clip.positional_embedding[:length]
    read = clip.transformer(read, attn_mask=clip.attn_mask[:length, :length])
    found = clip.ln_final(read)[torch.arange(len(tokens)), ends]
    return found @ clip.text_projection  # type: ignore[no-any-return]


def load_text_tower(entry: Pretrained, *, image_size: int, image_tower: str) -> TextTower:
    """Read a text tower from the published weights of a backbone.

    Args:
        entry: as `rsh.models.earth.describe` returns it.
        image_size: side of the input of the image tower, pixels.
        image_tower: what `image_tower_fingerprint` returns for the network that made the codes.

    Raises:
        InputError: the weights are not on this machine or were altered, or the image tower is not
            theirs.
    """
    from open_clip import get_tokenizer

    from rsh.models.earth import create_clip

    clip: Any = create_clip(entry, image_size=image_size, file=require_weights(entry)).eval()
    if image_tower_fingerprint(clip.visual) != image_tower:
        raise InputError(
            f"the image tower of this network is not that of the published {entry.name}, so its "
            "text tower does not fit: train with the published weights, without --finetune"
        )
    del clip.visual
    return TextTower(clip, get_tokenizer(entry.model))


def image_tower_fingerprint(tower: Any) -> str:
    """Return a fingerprint of an image tower, without the positions, which are interpolated."""
    return fingerprint(tower, without="positional_embedding")
