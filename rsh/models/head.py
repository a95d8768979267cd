"""The head of a network: a trunk, a projection head and hash layers.

It stands apart from the backbone, whose libraries take seconds to import.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rsh.models.losses.multilevel import Embedding

LOOK_DIM = 512  # of 2,144 numbers, they keep 0.95 of ten neighbors on Blue Marble; 256 keep 0.90


class HashHead(nn.Module):
    """Head on the backbone: a trunk, then projection head and hash layers in parallel.

    All share the trunk, so that the category term, which depends on the projection only, also
    shapes the input of the hash layers.

    Attributes:
        look: features that the look bits follow, see `LookFeatures`; None without look bits.
    """

    def __init__(
        self, num_features: int, *, num_bits: int, look_bits: int = 0, hidden: int, feature_dim: int
    ) -> None:
        """Create the layers.

        Args:
            num_features: length of a backbone feature.
            num_bits: code length, bits.
            look_bits: how many of them, the last ones, are look bits, which have their own layer.
            hidden: width of the trunk.
            feature_dim: length of a projected feature.
        """
        super().__init__()
        self.num_features = num_features
        self.trunk = nn.Sequential(
            nn.Linear(num_features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.3)
        )
        self.projection = nn.Linear(hidden, feature_dim)
        class_bits = num_bits - look_bits
        self.hash = nn.Linear(hidden, class_bits) if class_bits else None
        self.hash_look = nn.Linear(hidden, look_bits) if look_bits else None
        self.look = LookFeatures(num_features) if look_bits else None

    def forward(self, features: Tensor) -> Embedding:
        """Map backbone features, (n, num_features), to an Embedding of n rows."""
        trunk = self.trunk(features)
        relaxed = [layer(trunk) for layer in (self.hash, self.hash_look) if layer]
        return Embedding(F.normalize(self.projection(trunk), dim=1), torch.cat(relaxed, dim=1))

    def encode(self, features: Tensor, count: int) -> Embedding:
        """Map the backbone features of all views of `count` tiles to their mean, count rows.

        With look bits the features of a tile are its projection and its look, each of length 1,
        side by side and scaled to length 1 together: the cosine is the mean of both, as the
        distance of codes is the sum over both parts. Without labels they are its look alone.
        """
        each = self.forward(features)
        projection, relaxed = (part.view(count, -1, part.shape[-1]).mean(dim=1) for part in each)
        projection = F.normalize(projection, dim=1)
        if self.look:
            look = self.look(features.view(count, -1, features.shape[-1]).mean(dim=1))
            share = self.look.share.sqrt()
            projection = torch.cat([(1 - self.look.share).sqrt() * projection, share * look], dim=1)
        return Embedding(projection, relaxed)


class LookFeatures(nn.Module):
    """What a tile looks like, in few numbers: principal components of standardized features.

    They have no gradient: `fit` computes them from the training tiles.
    """

    mean: Tensor
    weight: Tensor
    share: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("weight", torch.zeros(min(num_features, LOOK_DIM), num_features))
        self.register_buffer("share", torch.tensor(0.5))

    def forward(self, features: Tensor) -> Tensor:
        """Map backbone features, (n, num_features), to rows of length 1, (n, at most 512)."""
        return F.normalize((features - self.mean) @ self.weight.T, dim=1)

    def fit(self, mean: Tensor, std: Tensor, components: Tensor, *, share: float) -> None:
        """Set the components.

        Args:
            mean: of each feature, (num_features,).
            std: standard deviation of each feature, (num_features,).
            components: axes of the standardized features, (at most 512, num_features); missing ones
                stay zero.
            share: of the look in the cosine of two tiles, 0 to 1.
        """
        self.mean.copy_(mean)
        self.weight.zero_()
        self.weight[: len(components)] = components / std
        self.share.fill_(share)


class ImageCenter(nn.Module):
    """Where the image features of a training lie, so that text can be moved there.

    Attributes:
        mean: of the features, (num_features,).
        length: mean of their lengths; 0 until `fit`.
    """

    mean: Tensor
    length: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("length", torch.tensor(0.0))

    def fit(self, parts: Iterable[Tensor]) -> None:
        """Measure features, given in parts of (n, num_features)."""
        total, lengths, count = torch.zeros_like(self.mean, dtype=torch.float64), 0.0, 0
        for part in parts:
            total += part.double().sum(dim=0)
            lengths += float(part.double().norm(dim=1).sum())
            count += len(part)
        self.mean.copy_(total / count)
        self.length.fill_(lengths / count)
