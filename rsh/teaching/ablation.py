"""Live ablation: move a slider, and the head retrains on cached features in seconds.

Results are measured on validation tiles, since moving sliders is choosing settings, and settings
must not be chosen on queries.
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
from rsh.gallery.projection import umap_code_layout
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import distances_by_relevance, mean_average_precision
from rsh.models.hashnet import HashNet, apply_head
from rsh.plotting import COLORS, percent_axis, style_axes
from rsh.teaching.figures import pair_distances, scatter
from rsh.teaching.sliders import Sliders, apply_values, describe_change, slider_values
from rsh.training.checkpoint import Record
from rsh.training.feature_cache import cached_features
from rsh.training.train import train

EPOCHS = 20  # enough to rank settings as 60 do, in a third of the time
SHOWN = 8  # newest trials in the figure, beside the first


class Superseded(Exception):
    """Stops a training after the sliders have changed."""


@dataclass(frozen=True)
class Trial:
    """One training of the head, and its results.

    Attributes:
        words: how its loss differs from the default.
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
    """Sliders, and a figure that follows them.

    Attributes:
        trials: all trials, oldest first; the first has the default loss.
        sliders: weights and temperatures, and a button that resets them.
        image: the newest figure, with its alternative text.
        view: both, to display.
    """

    RESET = "as it comes"

    def __init__(
        self, split: Split, *, num_bits: int = 32, config: TrainConfig | None = None
    ) -> None:
        """Train once with the default loss, and show the result.

        Args:
            split: tiles; computing their features the first time takes minutes.
            num_bits: code length, bits.
            config: the other settings; by default 20 epochs.
        """
        self._base = config or TrainConfig(epochs=EPOCHS)
        self._split, self._num_bits = split, num_bits
        self._newer, self._wanted = threading.Event(), self._base
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.trials: list[Trial] = []
        self.sliders = Sliders(self._base, buttons=[self.RESET])
        self.image = ipywidgets.HTML()
        self._try(self._base)
        self.sliders.on_press(self._press)
        self.sliders.observe(lambda _: self.retrain(dict(self.sliders.values)), names="values")
        self.view = ipywidgets.VBox([self.sliders, self.image])

    def retrain(self, values: dict[str, Any]) -> None:
        """Train with these values in the background, and stop a running training.

        Args:
            values: of the sliders, by name; the message reports a wrong value.
        """
        try:
            config = apply_values(values, self._base)
        except InputError as error:
            self.sliders.message = str(error)
            return
        with self._lock:
            self._wanted = config
            self._newer.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until no training is running."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _press(self, button: str) -> None:
        self.sliders.values = slider_values(self._base)

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
                self.sliders.message = str(error)

    def _try(self, config: TrainConfig) -> None:
        def watch(history: Sequence[Record], epochs: int) -> None:
            if self._newer.is_set():
                raise Superseded
            self.sliders.message = f"training: epoch {len(history)} of {epochs}"

        trial = try_out(config, self._split, self._num_bits, self._base, watch)
        if self._newer.is_set():
            raise Superseded
        self.trials.append(trial)
        shown = [self.trials[0], *self.trials[1:][-SHOWN:]]
        figure = trials_figure(shown, self._split)
        self.image.value = _image(figure, f"{trial.words}: mAP {trial.map:.1%}")
        self.sliders.message = f"{trial.words}: mAP {trial.map:.1%} on validation tiles"


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
        base: the settings that the description compares with.
        watch: called after each epoch; an exception from it ends the training.
    """
    net = HashNet(num_bits=num_bits, seed=config.seed)
    train(net, split, replace(config, finetune=False), progress=False, watch=watch)
    plain = cached_features(net, split.dataset, net.plain, progress=False)
    query, searched = split.rows("val"), split.rows("train")
    codes, gallery = (
        binarize(apply_head(net.head, plain[rows]).relaxed) for rows in (query, searched)
    )
    labels = split.dataset.labels
    counts = count_by_distance(
        pack(codes), pack(gallery), labels[query], labels[searched], num_bits=num_bits
    )
    same, others = distances_by_relevance(counts)
    return Trial(describe_change(config, base), codes, mean_average_precision(counts), same, others)


def trials_figure(trials: Sequence[Trial], split: Split) -> Figure:
    """Draw the mAP of each trial, and distances and hash space of the newest.

    Args:
        trials: at least one, oldest first.
        split: the tiles of the trials.
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
    pair_distances(distances, newest.same, newest.others)
    distances.set(title="distances between codes", xlabel="Hamming distance, bits")
    distances.legend(frameon=False)
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
