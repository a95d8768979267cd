import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TinyRun
from make_command import refuse
from make_raster import make_raster, noise
from PIL import Image

from rsh.cli.commands import COMMANDS
from rsh.cli.main import main
from rsh.gallery.gallery import Gallery
from rsh.training.run import Run

TRAIN = ["train", "--image-size", "32", "--epochs", "2", "--cached-views", "2", "--bits", "16"]


def test_help_names_every_command_and_imports_no_heavy_library() -> None:
    code = "import sys; from rsh.cli.main import main; main(['--help'])\n"
    code += "print({'torch', 'numpy', 'pandas', 'matplotlib', 'rasterio'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
    assert all(command.split()[0] in done.stdout for command in COMMANDS)


def test_reader_that_closes_the_pipe_ends_the_command_quietly(tiny_run: TinyRun) -> None:
    code = "from rsh.cli.main import main; main()"
    command = [sys.executable, "-c", code, "gallery", "info", str(tiny_run.gallery)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # long before the command has read the gallery
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()


def test_whole_path_from_tiles_to_hits(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, gallery = tmp_path / "run", tmp_path / "gallery"
    main([*TRAIN, "--data", str(tiny_data), "--output", str(run)])
    main(["encode", str(run), "--output", str(gallery), "--name", "Mine"])
    main(["project", str(gallery)])
    main(["evaluate", str(run), "--json"])
    out = capsys.readouterr().out
    report = json.loads(out[out.index("{") :])
    assert json.loads((run / "evaluation.json").read_text()) == report
    opened = Gallery.open(gallery)
    assert opened.name == "Mine" and opened.projection is not None
    first = opened.items["id"][0]
    main(["search", str(gallery), first, "-k", "3", "--json"])
    by_id = json.loads(capsys.readouterr().out)
    assert by_id["query"] == first and len(by_id["hits"]) == 3
    main(["search", str(gallery), str(tiny_data / first), "-k", "3", "--json"])
    assert json.loads(capsys.readouterr().out)["code"] == by_id["code"]
    main(["search", str(gallery), first, "--radius", "4"])
    assert "bits  class" in capsys.readouterr().out
    main(["search", str(gallery), first, "--positive", opened.items["id"][1], "-k", "2", "--json"])
    assert json.loads(capsys.readouterr().out)["positive"] == [opened.items["id"][1]]
    main(["evaluate", str(run)])
    assert "mAP of the codes" in capsys.readouterr().out
    main(["evaluate", str(run), "--protocol", "all", "--ties", "argsort"])
    told = capsys.readouterr().out
    assert "all-vs-all@20" in told and "mean bits, same class" in told
    assert json.loads((run / "evaluation.json").read_text())["ervd"]["ties"] == "argsort"


def test_a_network_learns_on_from_a_run_and_keeps_its_queries(tiny_data, tmp_path, capsys) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    main([*TRAIN, "--data", str(tiny_data), "--output", str(first)])
    begun = [
        "train",
        "--init-from",
        str(first),
        "--finetune",
        "--epochs",
        "1",
        "--batch-size",
        "16",
    ]
    main([*begun, "--data", str(tiny_data), "--seed", "3", "--output", str(second)])
    before, after = Run.open(first), Run.open(second)
    assert after.config["start"] == before.config["fingerprint"] != after.config["fingerprint"]
    for key in ("model", "split_fingerprint"):  # 16 bits of 32 pixels
        assert after.config[key] == before.config[key]
    (first / "model.safetensors").unlink()
    sentence = refuse(capsys, *begun, "--data", tiny_data, "--output", tmp_path / "x")
    assert "has no weights yet" in sentence and not (tmp_path / "x").exists()


def test_path_from_a_scene_to_a_map(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A georeferenced scene is cut, encoded and searched, and the hits lie where the scene does."""
    scene, tiles, gallery = tmp_path / "scene.tif", tmp_path / "tiles", tmp_path / "gallery"
    make_raster(scene, noise(96, 160, bands=4, dtype=np.uint16))
    cut = ["data", "tiles", str(scene), "--size", "32", "--bands", "4,3,2", "--output", str(tiles)]
    main([*cut, "--stretch", "0,255"])
    said = capsys.readouterr()
    assert said.out == f"{tiles}: 15 tiles of 32 x 32 pixels\n"
    assert said.err.endswith("bands 4, 3, 2: 0 to 255, 0 to 255, 0 to 255\n")
    main(["encode", str(tiny_run.folder), str(tiles), "--output", str(gallery)])
    capsys.readouterr()
    first = Gallery.open(gallery).items["id"][0]
    main(["search", str(gallery), first, "-k", "3", "--geojson"])
    features = json.loads(capsys.readouterr().out)["features"]
    assert [feature["properties"]["rank"] for feature in features] == [1, 2, 3]
    for feature in features:
        (ring,) = feature["geometry"]["coordinates"]
        assert all(15 <= x < 15.03 and 45.1 < y < 45.2 for x, y in ring)


def test_life_of_a_gallery(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, gallery, more = str(tiny_run.folder), str(tmp_path / "gallery"), tmp_path / "more"
    (more / "new").mkdir(parents=True)
    for number, file in enumerate(sorted(tiny_run.data.rglob("*.jpg"))[:4]):
        shutil.copy(file, more / "new" / f"{number}.jpg")
    shutil.copytree(tiny_run.gallery, gallery)
    for argv, told in (
        (["add", gallery, str(more)], f"{gallery}: 4 tiles added, 52 in all"),
        (["remove", gallery, "new/0.jpg", "new/1.jpg"], "2 tiles removed, 50 are left"),
        (["check", gallery], "50 tiles, every file is as it was written"),
        (["merge", gallery, "--output", str(tmp_path / "again")], "50 tiles from 1 gallery"),
        (["info", str(tmp_path / "again")], "50, 4 classes, 48 of 50 tiles have a class"),
    ):
        main(["gallery", *argv])
        assert told in capsys.readouterr().out
    main(["search", str(tmp_path / "again"), "new/2.jpg", "-k", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["hits"][0]["distance"] == 0  # it is there twice
    assert "already holds" in refuse(capsys, "gallery", "add", gallery, more, "--run", run)
    assert "--output" in refuse(capsys, "gallery", "merge", gallery)


def test_queries_stay_queries_where_the_data_has_moved(tiny_data: Path, tmp_path: Path) -> None:
    before, after, run = tmp_path / "before", tmp_path / "after", tmp_path / "run"
    shutil.copytree(tiny_data, before)
    main([*TRAIN, "--data", str(before), "--output", str(run)])
    before.rename(after)
    main(["encode", str(run), str(after), "--output", str(tmp_path / "gallery")])
    expected = Run.open(run).split(str(after)).dataset.items.set_index("id")["split"]
    found = Gallery.open(tmp_path / "gallery").items.set_index("id")["split"]
    assert set(expected) == {"train", "val", "query"}
    assert found.to_dict() == expected.to_dict()
    (run / "model.safetensors").unlink()
    main(["train", "--resume", str(run), "--data", str(after)])
    assert Run.open(run).net().num_bits == 16


def test_folder_that_may_not_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", forbidden)
    told = refuse(capsys, "gallery", "check", tmp_path)
    hint = "fix the permissions or choose another path"
    assert told == f"rsh: cannot read {tmp_path}/gallery.json: Permission denied; {hint}"


@pytest.mark.parametrize("bits", ["0", "7", "300"])
def test_wrong_number_of_bits(
    bits: str, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    told = refuse(capsys, "train", "--data", tiny_data, "--bits", bits, "--output", run)
    assert f"--bits {bits}: choose a multiple of 4 from 4 to 256" in told
    assert not run.exists()


def test_data_without_contrast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    for number in range(6):
        (data / "only").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (number * 40, 0, 0)).save(data / "only" / f"{number}.png")
    rows = "".join(f"only/{number}.png,only\n" for number in range(6))
    (data / "items.csv").write_text(f"path,class\n{rows}")
    assert "one class ('only')" in refuse(capsys, *TRAIN, "--data", data, "--output", run)
    (data / "items.csv").unlink()
    (data / "single").mkdir()
    Image.new("RGB", (40, 40)).save(data / "single" / "one.png")
    assert "class 'single' has 1 tile" in refuse(capsys, *TRAIN, "--data", data, "--output", run)
    shutil.rmtree(data)
    data.mkdir()
    assert "holds no images" in refuse(capsys, *TRAIN, "--data", data, "--output", run)
    assert "does not exist" in refuse(capsys, *TRAIN, "--data", tmp_path / "no")
    assert not run.exists()


def test_unreadable_tile_is_named_and_nothing_is_left(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(tiny_data, data)
    broken = next((data / "coast").iterdir())
    broken.write_text("this is no image")
    told = refuse(capsys, *TRAIN, "--data", data, "--output", run)
    assert f"coast/{broken.name}" in told and "--skip-unreadable" in told
    assert not run.exists()
    main([*TRAIN, "--data", str(data), "--output", str(run), "--skip-unreadable"])
    assert f"left out: coast/{broken.name}" in capsys.readouterr().err
    assert (run / "model.safetensors").exists()


def test_run_is_never_overwritten(tiny_run: TinyRun, capsys: pytest.CaptureFixture[str]) -> None:
    before = (tiny_run.folder / "model.safetensors").read_bytes()
    told = refuse(capsys, *TRAIN, "--data", tiny_run.data, "--output", tiny_run.folder)
    assert f"{tiny_run.folder} is not empty" in told and "--resume" in told
    assert (tiny_run.folder / "model.safetensors").read_bytes() == before


def test_gallery_of_another_model(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    main([*TRAIN, "--data", str(tiny_run.data), "--output", str(other)])
    image = next((tiny_run.data / "coast").iterdir())
    told = refuse(capsys, "search", tiny_run.gallery, image, "--run", other)
    assert f"{other} is not the network that made {tiny_run.gallery}" in told


def test_damaged_gallery(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(tiny_run.gallery, gallery)
    codes = gallery / "000001-0" / "codes.npy"
    codes.write_bytes(codes.read_bytes()[:-1])
    for argv in (["search", gallery, "x"], ["project", gallery], ["dashboard", gallery]):
        assert f"{codes} was altered or cut short" in refuse(capsys, *argv)


def test_place_that_cannot_be_written_is_told_before_any_work(
    tiny_run: TinyRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))  # where the work would be seen
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        for argv in (
            [*TRAIN, "--data", tiny_run.data, "--output", place],
            ["encode", tiny_run.folder, "--output", place],
        ):
            assert f"cannot write {place}" in refuse(capsys, *argv)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.jpg").touch()
    told = refuse(capsys, "encode", tiny_run.folder, "--output", tmp_path / "full")
    assert "holds other files than a gallery" in told
    assert (tmp_path / "file").read_text() == "in the way"
    assert {path.name for path in tmp_path.rglob("*")} == {"file", "full", "holiday.jpg"}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (
            ["evaluate", "{run}", "--protocol", "half"],
            "--protocol half: choose one of disjoint",
        ),
        (
            ["evaluate", "{run}", "--ties", "random"],
            "--ties random: choose one of average",
        ),
        (["search", "{gallery}", "x", "-k", "3", "--radius", "2"], "exclude each other"),
        (["search", "{gallery}", "x", "--json", "--geojson"], "exclude each other"),
        (["search", "{gallery}", "{tile}", "--rerank", "luck"], "choose one of features"),
        (
            ["search", "{gallery}", "{tile}", "--rerank-depth", "30"],
            "-depth 30: it needs rerank",
        ),
        (
            ["search", "{gallery}", "{tile}", "--rerank", "features", "--rerank-depth", "3"],
            "--rerank-depth 3: ",
        ),
        (["search", "{gallery}", "{tile}", "--geojson"], "has no coordinates: encode tiles"),
        (["evaluate", "{run}", "--protocol", "all", "--feedback"], "name one protocol"),
        (["evaluate", "{run}", "--feedback"], "a gallery of 41 tiles or more, not 36"),
        (["search", "{gallery}", "{tile}", "--positive", "x.jpg"], "--positive x.jpg: no tile of"),
        (
            ["search", "{gallery}", "{tile}", "--positive", ","],
            "--positive ,: name at least",
        ),
        (["search", "{gallery}", "{tile}", "--negative", "{tile}"], "this is the query itself"),
        (
            ["search", "{gallery}", "x", "--positive", "{tile}", "--negative", "{tile}"],
            "x is neither an image file nor",
        ),
        (
            ["search", "{gallery}", "{tile}", "--positive", "x", "--radius", "3"],
            "--radius 3: with positive or negative tiles, all tiles are scored; leave it out",
        ),
        (["data", "tiles", "{data}/x.tif", "--stretch", "0,b"], "--stretch 0,b: write numbers"),
        (["data", "tiles", "{data}/x.tif", "--bands", "1.5"], "--bands 1.5: write numbers"),
        (["data", "tiles", "{data}/x.tif"], "x.tif does not exist: check the path"),
        ([*TRAIN, "--batch-size", "1"], "--batch-size 1: choose a whole number from 4"),
        ([*TRAIN, "--learning-rate", "nan"], "--learning-rate nan: choose a number from"),
        ([*TRAIN, "--seed", "-1"], "--seed -1: choose a whole number from 0"),
        (["project", "{gallery}", "--seed", "-1"], "--seed -1: choose a whole number from 0"),
        (
            [*TRAIN, "--feature-stages", "6"],
            "--feature-stages 6: tf_efficientnet_lite0 has 5 feature stages, choose",
        ),
        ([*TRAIN, "--image-size", "8"], "--image-size 8: choose 32 to 1024 pixels"),
        (["search", "{gallery}", "x", "-k", "abc"], "-k abc: give a whole number"),
        (["serch", "{gallery}", "x"], "Unknown command 'serch'. Did you mean 'search'?"),
        (["search", "{gallery}", "{tile}", "-k", "0"], "-k 0: "),
        (
            ["search", "{gallery}", "{tile}", "--radius", "17"],
            "--radius 17: choose a whole number",
        ),
        (
            ["encode", "{data}"],
            "is no run, it has no config.json: give a folder made by `rsh train`",
        ),
        (
            ["project", "{data}"],
            "is no gallery, it has no gallery.json: give a folder made by `rsh encode`",
        ),
    ],
)
def test_wrong_words(
    argv: list[str], told: str, tiny_run: TinyRun, capsys: pytest.CaptureFixture[str]
) -> None:
    tile = Gallery.open(tiny_run.gallery).items["id"][0]
    places = {"run": tiny_run.folder, "gallery": tiny_run.gallery, "data": tiny_run.data}
    assert told in refuse(capsys, *(word.format(tile=tile, **places) for word in argv))
