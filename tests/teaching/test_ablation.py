"""Live ablation: what is shown was measured, the newest sliders win, wrong ones change nothing."""

import threading

import numpy as np
import pytest

import rsh
from rsh.config import TrainConfig
from rsh.teaching import ablation as module
from rsh.teaching.ablation import Ablation, try_out

CONFIG = TrainConfig(epochs=3, batch_size=16, cached_views=2)


@pytest.fixture
def live(tiny_split) -> Ablation:
    return Ablation(tiny_split, num_bits=8, config=CONFIG)


def test_a_trial_is_what_a_training_with_these_settings_measures(tiny_split):
    trial = try_out(CONFIG, tiny_split, 8, CONFIG)
    net = rsh.HashNet(num_bits=8)
    history = rsh.train(net, tiny_split, CONFIG, progress=False)
    assert trial.map == history[-1]["val_map"] and trial.words == "as it comes"
    val, train = (len(tiny_split.rows(name)) for name in ("val", "train"))
    assert trial.same.sum() + trial.others.sum() == val * train
    assert trial.codes.shape == (val, 8)


@pytest.mark.slow
def test_a_slider_gives_a_new_trial_and_a_new_image(live):
    assert [trial.words for trial in live.trials] == ["as it comes"]
    before = live.image.value
    live.sliders.values = live.sliders.values | {"inter_weight": 0.0}
    live.wait()
    assert live.trials[-1].words == "without inter-class" and len(live.trials) == 2
    assert live.image.value != before and 'alt="without inter-class: mAP' in live.image.value
    assert live.sliders.message.startswith("without inter-class: mAP")
    live._press(live.RESET)
    live.wait()
    assert live.trials[-1].words == "as it comes"
    assert live.trials[-1].map == live.trials[0].map  # the same seed


def test_the_newest_sliders_win(live, monkeypatch):
    begun, real = threading.Event(), module.train

    def slow(*args, watch, **options):
        def wait_for_newer(history, epochs):
            begun.set()
            assert live._newer.wait(20) or len(live.trials) > 1
            watch(history, epochs)

        first = not begun.is_set()
        return real(*args, watch=wait_for_newer if first else watch, **options)

    monkeypatch.setattr(module, "train", slow)
    live.retrain(live.sliders.values | {"inter_weight": 0.0})
    assert begun.wait(20)
    live.retrain(live.sliders.values | {"intra_weight": 0.0})
    live.wait()
    assert [trial.words for trial in live.trials] == ["as it comes", "without intra-class"]


def test_wrong_sliders_are_answered_and_change_nothing(live):
    image = live.image.value
    off = {name: 0.0 for name in live.sliders.values if name.endswith("weight")}
    live.retrain(live.sliders.values | off)
    live.wait()
    assert "raise one of them" in live.sliders.message
    assert live.image.value == image and len(live.trials) == 1


def test_the_image_shows_the_first_trial_and_the_newest(live, tiny_split):
    many = [live.trials[0]] * 12
    figure = module.trials_figure(many[:3], tiny_split)
    bars, distances, plane = figure.axes
    assert np.allclose([bar.get_width() for bar in bars.patches], live.trials[0].map)
    dots = sum(len(group.get_offsets()) for group in plane.collections)
    assert dots == len(tiny_split.rows("val"))
    assert sum(distances.patches[0].get_data().values) == pytest.approx(1)
