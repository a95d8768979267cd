"""Learning from labels, from a gallery to the next one."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import entries, said
from make_learning import BITS, CLASSES, DIM, LOOK_BITS, cluster_gallery, some_labels, true_class
from ordinary_user import as_ordinary_user
from refusals import refused

from rsh.codes.binary import hamming
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.gallery import Gallery
from rsh.io.files import exclusive_lock
from rsh.labels import UNLABELED
from rsh.learning import learn as module
from rsh.learning import teaching
from rsh.learning.labels import find_labels, recorded_labels
from rsh.learning.learn import learn
from rsh.learning.output import discard_left, reserve_output
from rsh.learning.progress import Progress
from rsh.training.neighborhoods import normalize


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "STEPS", 40)
    monkeypatch.setattr(teaching, "HIDDEN", 64)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Codes that know the classes badly."""
    return cluster_gallery(tmp_path_factory.mktemp("learn") / "gallery", spread=1.2)


def own_and_other(gallery: Gallery) -> float:
    """Return how much nearer tiles of one class are than others, class bits, of all tiles."""
    kinds = gallery.items["id"].map(true_class).to_numpy(str)
    distances = hamming(gallery.packed[:, : (BITS - LOOK_BITS) // 8], gallery.packed[:, :2])
    same = kinds[:, None] == kinds
    return float(distances[~same].mean() - distances[same].mean())


def test_codes_follow_the_labels_and_the_rest_stays(gallery: Gallery, tmp_path: Path):
    before = said(gallery)
    labels = some_labels(gallery, 8)
    new, report = learn(gallery, labels, output=tmp_path / "new")
    assert own_and_other(new) > own_and_other(gallery) + 0.3
    assert (new.relaxed[:, -LOOK_BITS:] == gallery.relaxed[:, -LOOK_BITS:]).all()
    assert (new.features == gallery.features).all() and new.look_bits == LOOK_BITS
    assert (new.items["class"] == "").all()  # labels belong to who gave them
    assert said(Gallery.open(gallery.folder)) == before
    learned = new.manifest.learned
    assert learned.seed == 0 and learned.report == report
    assert new.name == "clusters, 32 labels"
    assert (report.labels, report.left_out, report.compared) == (32, 0, 116)
    assert report.classes == tuple(sorted(CLASSES))
    assert report.neighbors_kept.after > 0.5 * report.neighbors_kept.before
    assert 0 < report.nearest_changed < 1
    held_out = report.held_out
    assert held_out.queries == 32 and not held_out.is_guess
    assert held_out.mean_average_precision.after > held_out.mean_average_precision.before
    low, high = held_out.gain
    assert low <= held_out.mean_average_precision.after - held_out.mean_average_precision.before
    assert low <= high


def test_head_of_numpy_is_that_of_torch(gallery: Gallery, monkeypatch: pytest.MonkeyPatch):
    heads = []
    to_numpy = teaching._to_numpy
    monkeypatch.setattr(
        teaching, "_to_numpy", lambda head, *rest: heads.append(head) or to_numpy(head, *rest)
    )
    made = teaching.teach(gallery, find_labels(gallery, some_labels(gallery, 3)), seed=0)
    features, network = (np.array(part, np.float32) for part in (gallery.features, gallery.relaxed))
    inputs = np.concatenate(
        [np.float32(np.sqrt(DIM)) * features, np.tanh(network[:, :-LOOK_BITS])], 1
    )
    with torch.no_grad():
        added = heads[0](torch.from_numpy(inputs)).relaxed.numpy()
    found = made.correct(features, network)[:, :-LOOK_BITS].astype(np.float32)
    assert np.allclose(found, network[:, :-LOOK_BITS] + added, atol=0.02)


def test_equal_labels_and_seeds_give_equal_galleries(gallery: Gallery, tmp_path: Path):
    labels, threads = some_labels(gallery, 3), torch.get_num_threads()
    made = [
        learn(
            gallery, dict(list(labels.items())[::step]), output=tmp_path / name, seed=seed
        ).gallery
        for name, step, seed in (("a", 1, 0), ("b", -1, 0), ("c", 1, 1))
    ]
    assert said(made[0]) == said(made[1]) != said(made[2])
    assert torch.get_num_threads() == threads
    again = learn(made[2], labels, output=tmp_path / "again", measure=False)
    assert said(again.gallery) == said(made[0])  # it begins with the network again
    assert again.report.held_out is None


def test_labels_of_held_out_tiles_are_not_learned_from(gallery: Gallery, tmp_path: Path):
    labels = some_labels(gallery, 3)
    held_out = gallery.items["id"][gallery.items["split"] == "query"].tolist()
    more = labels | dict.fromkeys(held_out, CLASSES[0])  # mostly wrong
    first = learn(gallery, labels, output=tmp_path / "first")
    second = learn(gallery, more, output=tmp_path / "second")
    assert said(first.gallery) == said(second.gallery)
    assert second.report.left_out == len(held_out) and second.report.labels == len(labels)
    with refused(names="held-out"):
        learn(gallery, dict.fromkeys(held_out, "coast"), output=tmp_path / "third")


def test_recorded_labels_are_the_default_and_are_in_the_new_gallery(tmp_path: Path):
    marked = cluster_gallery(tmp_path / "marked")
    labels = some_labels(marked, 4)
    classes: dict[str, list[int]] = {}
    for tile, name in labels.items():
        classes.setdefault(name, []).append(marked.find_row(tile))
    marked.annotations.give_all(classes, {}, by=Visitor("me"))
    new = learn(marked, output=tmp_path / "new", measure=False).gallery
    assert said(new) == said(learn(marked, labels, output=tmp_path / "b", measure=False).gallery)
    assert recorded_labels(new) == labels


def test_few_labels_measure_nothing(gallery: Gallery, tmp_path: Path):
    labels = some_labels(gallery, 1)
    assert learn(gallery, labels, output=tmp_path / "new").report.held_out is None


def test_large_galleries_are_drawn_from(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(teaching, "TILES", 30)
    new = learn(gallery, some_labels(gallery, 6), output=tmp_path / "new").gallery
    assert own_and_other(new) > own_and_other(gallery)


def test_all_tiles_may_have_labels(gallery: Gallery, tmp_path: Path):
    labels = {name: true_class(name) for name in gallery.items["id"]}
    report = learn(gallery, labels, output=tmp_path / "new").report
    assert report.labels == 116 and report.held_out.queries > 30


def test_codes_without_look_bits_are_learned(tmp_path: Path):
    plain = cluster_gallery(tmp_path / "plain", look_bits=0)
    new = learn(plain, some_labels(plain, 4), output=tmp_path / "new", measure=False).gallery
    assert (new.relaxed != plain.relaxed).any(axis=0).all()


def test_progress_goes_up_to_1(gallery: Gallery, tmp_path: Path):
    told: list[Progress] = []
    learn(gallery, some_labels(gallery, 4), output=tmp_path / "new", watch=told.append)
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    stages = list(dict.fromkeys(one.stage for one in told))
    assert stages == ["learning", "measuring", "comparing", "writing"]
    assert told[-1].seconds_left == 0 and len(told) > 100


@pytest.mark.parametrize("stage", ["learning", "measuring", "comparing", "writing"])
def test_learning_that_is_canceled_leaves_nothing(gallery: Gallery, tmp_path: Path, stage: str):
    class Enough(Exception):
        pass

    def watch(progress: Progress) -> None:
        if progress.stage == stage:
            raise Enough

    with pytest.raises(Enough):
        learn(gallery, some_labels(gallery, 4), output=tmp_path / "new", watch=watch)
    assert entries(tmp_path) == set()
    learn(gallery, some_labels(gallery, 4), output=tmp_path / "new", measure=False)


def test_labels_that_teach_nothing_are_refused(gallery: Gallery, tmp_path: Path):
    for labels, named in (
        ({}, "0 labels of 0 classes"),
        (some_labels(gallery, 1, CLASSES[:1]), "1 label of 1 class"),
        (some_labels(gallery, 9, CLASSES[:1]), "9 labels of 1 class"),
    ):
        with refused(names=named):
            learn(gallery, labels, output=tmp_path / "new")
    with refused("labels", value="gone.png"):
        learn(gallery, {"gone.png": "coast"}, output=tmp_path / "new")
    with refused("seed", value=-1):
        learn(gallery, some_labels(gallery, 2), output=tmp_path / "new", seed=-1)
    assert entries(tmp_path) == set()


def test_galleries_that_cannot_be_taught_are_refused(tmp_path: Path):
    shape = (120, BITS)
    looks = cluster_gallery(tmp_path / "looks", look_bits=BITS)
    with refused(names=(str(looks.folder), "--look-bits")):
        learn(looks, some_labels(looks, 2), output=tmp_path / "new")
    codes = {"codes": np.ones(shape, int), "relaxed": np.ones(shape)}
    same = cluster_gallery(tmp_path / "same", features=np.full((120, DIM), 0.25), **codes)
    with refused(names=str(same.folder)):
        learn(same, some_labels(same, 2), output=tmp_path / "new")
    small = cluster_gallery(tmp_path / "small", per_class=2)
    with refused(names="4 searchable tiles"):
        learn(small, some_labels(small, 1), output=tmp_path / "new")
    one_code = cluster_gallery(tmp_path / "one", **codes)  # its features tell tiles apart
    assert (
        learn(one_code, some_labels(one_code, 3), output=tmp_path / "new").gallery.num_bits == BITS
    )


def test_folders_that_cannot_be_used_are_refused_before_the_work(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "teach", lambda *given, **options: pytest.fail("it has begun"))
    with refused(names=(str(gallery.folder), "--output")):
        learn(gallery, some_labels(gallery, 2), output=gallery.folder)
    (tmp_path / "file").touch()
    with refused(names="file"):
        learn(gallery, some_labels(gallery, 2), output=tmp_path / "file")
    (tmp_path / "closed").mkdir(mode=0o500)

    def learn_into_closed() -> None:
        with refused(names="closed"):
            learn(gallery, some_labels(gallery, 2), output=tmp_path / "closed" / "new")

    as_ordinary_user(learn_into_closed)
    with refused(names="/proc"):  # read-only for root as well
        learn(gallery, some_labels(gallery, 2), output="/proc/new")


def test_each_reserved_output_is_another_one(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    assert reserve_output(tmp_path / "mine") == tmp_path / "mine-learned-1"
    assert reserve_output(tmp_path / "mine") == tmp_path / "mine-learned-2"
    assert reserve_output(tmp_path / "mine-learned-1") == tmp_path / "mine-learned-3"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: reserve_output(tmp_path / "mine"), range(40)))
    assert len(set(made)) == 40 and all(folder.is_dir() for folder in made)
    with refused(names="/proc/mine-learned-1"):
        reserve_output(Path("/proc/mine"))


def test_what_a_killed_writer_left_is_replaced_but_no_work_in_progress(tmp_path: Path):
    left, busy = tmp_path / "mine-learned-1", tmp_path / "mine-learned-2"
    for folder in (left, busy):
        (folder / "000001-0").mkdir(parents=True)
    with exclusive_lock(busy / ".lock", busy=""):
        assert reserve_output(tmp_path / "mine") == left
        assert entries(left) == set() and (busy / "000001-0").is_dir()
        assert reserve_output(tmp_path / "mine") == tmp_path / "mine-learned-3"


def test_an_empty_folder_of_a_killed_process_is_taken_again(tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path; from rsh.learning.output import reserve_output"
        "; print(reserve_output(Path(sys.argv[1])), flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "mine")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        first = tmp_path / "mine-learned-1"
        assert other.stdout.readline().strip() == str(first)
        assert reserve_output(tmp_path / "mine") == tmp_path / "mine-learned-2"
        other.kill()
    assert first.is_dir() and not any(first.iterdir())
    assert reserve_output(tmp_path / "mine") == first
    assert reserve_output(tmp_path / "mine") == tmp_path / "mine-learned-3"


def test_without_an_output_the_next_number_is_taken_and_given_back(tmp_path: Path):
    marked = cluster_gallery(tmp_path / "mine")
    before = entries(tmp_path)
    with refused(names="0 labels"):
        learn(marked, {})
    assert entries(tmp_path) == before
    for number in (1, 2):
        made = learn(marked, some_labels(marked, 2), measure=False).gallery
        assert made.folder == tmp_path / f"mine-learned-{number}"


@given(st.integers(0, 10_000), st.integers(4, 30), st.integers(1, 6))
def test_labels_spread_to_the_two_nearest_tiles(seed: int, count: int, labeled: int):
    rng = np.random.default_rng(seed)
    features = normalize(rng.normal(size=(count, 3)).astype(np.float32))
    labels = np.full(count, UNLABELED)
    known = rng.choice(count, min(labeled, count), replace=False)
    labels[known] = rng.integers(3, size=len(known))
    expected, nearest = labels.copy(), np.full(count, -2.0)
    for row in known:
        cosine = (features @ features[row]).astype(float)
        others = sorted((tile for tile in range(count) if tile != row), key=lambda t: -cosine[t])
        for tile in others[:2]:
            if labels[tile] == UNLABELED and cosine[tile] > nearest[tile]:
                expected[tile], nearest[tile] = labels[row], cosine[tile]
    assert teaching.spread_labels(features, labels).tolist() == expected.tolist()


def test_what_killed_processes_left_behind_is_deleted(tmp_path: Path):
    folder = tmp_path / "mine"
    held = reserve_output(folder)  # by this process, which goes on
    left, gallery, other = (tmp_path / f"mine-learned-{name}" for name in ("7", "8", "x"))
    for each in (left, gallery, other):
        each.mkdir()
    (gallery / "gallery.json").write_text("{}")
    discard_left(folder)
    assert not left.exists()
    assert held.exists() and gallery.exists() and other.exists()
