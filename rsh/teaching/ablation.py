"""Live ablation: turn a weight, and the head learns anew on the cached views, in seconds.

What is tried is measured on validation tiles: turning dials is choosing settings, and queries must
not be chosen on.
"""

import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rsh.codes.binary import Codes, binarize, pack
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.errors import InputError
from rsh.evaluation.plots import OTHERS, SAME
from rsh.gallery.projection import umap_code_layout
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import distances_by_class, mean_average_precision
from rsh.models.hashnet import HashNet, apply_head
from rsh.plotting import COLORS, percent_axis, style_axes
from rsh.teaching.figures import scatter
from rsh.teaching.sliders import Sliders, config_of, values_of, words_for
from rsh.training.checkpoint import Record
from rsh.training.feature_cache import cached_features
from rsh.training.train import train

EPOCHS = 20  # enough to rank settings as 60 do, in a third of the time
SHOWN = 8  # newest tries in the image, the first beside them


class Superseded(Exception):
    """Stops a training whose dials have moved on."""


@dataclass(frozen=True)
class Trial:
    """One training of the head, and what came of it.

    Attributes:
        words: how its loss differs from the usual one.
        codes: of the validation tiles, (n, num_bits).
        map: tie-aware mAP of validation tiles among training tiles, a fraction.
        same: pairs of one class at each distance, (num_bits + 1,).
        others: pairs of two classes at each distance, (num_bits + 1,).
    """

    words: str
    codes: Codes
    map: float
    same: NDArray[np.int64]
    others: NDArray[np.int64]


class Ablation:
    """Dials, and images that follow them.

    Attributes:
        trials: all that was tried, oldest first; the first is the loss as it comes.
        dials: weights and temperatures; without a term, as it comes.
        image: the newest figure, with its text for those who do not see it.
        view: both, to display.
    """

    RESET = "as it comes"

    def __init__(
        self, split: Split, *, num_bits: int = 32, config: TrainConfig | None = None
    ) -> None:
        """Train once with the loss as it comes, and show it.

        Args:
            split: tiles; the first time their views are encoded, which takes minutes.
            num_bits: code length, bits.
            config: settings other than the dials'; by default 20 epochs.
        """
        self._base = config or TrainConfig(epochs=EPOCHS)
        self._split, self._num_bits = split, num_bits
        self._newer, self._wanted = threading.Event(), self._base
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.trials: list[Trial] = []
        self.dials = Sliders(self._base, buttons=[self.RESET])
        self.image = ipywidgets.HTML()
        self._try(self._base)
        self.dials.on_press(self._press)
        self.dials.observe(lambda _: self.turn(dict(self.dials.values)), names="values")
        self.view = ipywidgets.VBox([self.dials, self.image])

    def turn(self, values: dict[str, Any]) -> None:
        """Train with these dials, in the background; a training that is under way is given up.

        Args:
            values: by name, as the dials have them; a wrong one is answered in a sentence.
        """
        try:
            config = config_of(values, self._base)
        except InputError as error:
            self.dials.message = str(error)
            return
        with self._lock:
            self._wanted = config
            self._newer.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until nothing is under way."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _press(self, button: str) -> None:
        self.dials.values = values_of(self._base)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._newer.is_set():
                    self._thread = None
                    return
                self._newer.clear()
                config = self._wanted
            try:
                self._try(config)
            except Superseded:
                continue
            except InputError as error:
                self.dials.message = str(error)

    def _try(self, config: TrainConfig) -> None:
        def watch(history: Sequence[Record], epochs: int) -> None:
            if self._newer.is_set():
                raise Superseded
            self.dials.message = f"learning: epoch {len(history)} of {epochs}"

        trial = try_out(config, self._split, self._num_bits, self._base, watch)
        if self._newer.is_set():
            raise Superseded
        self.trials.append(trial)
        shown = [self.trials[0], *self.trials[1:][-SHOWN:]]
        figure = trials_figure(shown, self._split)
        self.image.value = _image(figure, f"{trial.words}: mAP {trial.map:.1%}")
        self.dials.message = f"{trial.words}: mAP {trial.map:.1%} on validation tiles"


def try_out(
    config: TrainConfig,
    split: Split,
    num_bits: int,
    base: TrainConfig,
    watch: Callable[[Sequence[Record], int], object] | None = None,
) -> Trial:
    """Train a head with a frozen backbone and measure it on validation tiles.

    Args:
        config: its settings.
        split: its tiles.
        num_bits: code length, bits.
        base: the settings that words are found against.
        watch: called after each epoch; what it raises ends the training.
    """
    net = HashNet(num_bits=num_bits, seed=config.seed)
    train(net, split, replace(config, finetune=False), progress=False, watch=watch)
    plain = cached_features(net, split.dataset, net.plain, progress=False)
    query, known = split.rows("val"), split.rows("train")
    codes, gallery = (
        binarize(apply_head(net.head, plain[rows]).relaxed) for rows in (query, known)
    )
    labels = split.dataset.labels
    counts = count_by_distance(
        pack(codes), pack(gallery), labels[query], labels[known], num_bits=num_bits
    )
    same, others = distances_by_class(counts)
    return Trial(words_for(config, base), codes, mean_average_precision(counts), same, others)


def trials_figure(trials: Sequence[Trial], split: Split) -> Figure:
    """Draw the mAP of each trial, and of the newest the distances and hash space.

    Args:
        trials: at least one, oldest first.
        split: what they were trained on.
    """
    figure = Figure(figsize=(14, 4.8), layout="constrained")
    bars, distances, plane = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    numbers, newest = range(len(trials)), trials[-1]
    last = len(trials) - 1
    colors = [COLORS[4] if number == last else "#9aa3ab" for number in numbers]
    bars.barh(numbers, [trial.map for trial in trials], color=colors, height=0.7)
    for number, trial in enumerate(trials):
        bars.text(0.01, number, f"{trial.words}  {trial.map:.1%}", va="center", fontsize=10)
    bars.set(title="mAP on validation tiles, newest last", xlim=(0, 1), yticks=[])
    bars.set_ylim(max(last, 4) + 0.6, -0.6)  # bars keep their height while there are few
    percent_axis(bars, "xaxis")
    style_axes(bars)
    looks = ((newest.same, SAME, "same class", ""), (newest.others, OTHERS, "other classes", "//"))
    for pairs, color, words, hatch in looks:
        edges = np.arange(len(pairs) + 1) - 0.5
        style = dict(color=color, alpha=0.45, fill=True, hatch=hatch, label=words)
        distances.stairs(pairs / pairs.sum(), edges, **style)
    distances.set(
        title="how far apart codes are", xlabel="bits that differ", ylabel="share of pairs"
    )
    distances.legend(frameon=False)
    percent_axis(distances, "yaxis")
    style_axes(distances)
    rows = split.rows("val")
    scatter(
        plane, umap_code_layout(newest.codes > 0), split.dataset.labels[rows], split.dataset.classes
    )
    plane.set_title("hash space (UMAP of validation tiles)")
    figure.legend(loc="outside lower right", ncols=5, frameon=False, handles=plane.collections)
    figure.suptitle(f"newest: {newest.words}, mAP {newest.map:.1%}")
    return figure


def _image(figure: Figure, alt: str) -> str:
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=90)
    data = b64encode(stream.getvalue()).decode()
    style = "max-width: 100%; background: white"
    return f'<img alt="{escape(alt)}" style="{style}" src="data:image/png;base64,{data}">'
