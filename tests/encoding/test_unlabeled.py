"""From files without classes to a gallery: through the command line, with a trained run."""

from pathlib import Path

import pytest
from conftest import TinyRun

from rsh.cli.main import main
from rsh.gallery.gallery import Gallery


def flat(data: Path, folder: Path) -> Path:
    """The tiles of class folders side by side, without a class."""
    folder.mkdir()
    for number, file in enumerate(sorted(data.rglob("*.jpg"))):
        (folder / f"{number:02}.jpg").write_bytes(file.read_bytes())
    return folder


def test_flat_folder_becomes_a_gallery_without_classes(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    main(
        [
            "encode",
            str(tiny_run.folder),
            str(flat(tiny_run.data, tmp_path / "flat")),
            "--output",
            str(tmp_path / "g"),
        ]
    )
    gallery = Gallery.open(tmp_path / "g")
    assert len(gallery) == 48 and gallery.classes == []
    labeled = Gallery.open(tiny_run.gallery)
    assert sorted(map(bytes, gallery.packed)) == sorted(map(bytes, labeled.packed))
    capsys.readouterr()
    main(["gallery", "info", str(tmp_path / "g")])
    assert "48, no labels" in capsys.readouterr().out
    main(["search", str(tmp_path / "g"), "00.jpg", "-k", "3"])
    assert "class" not in capsys.readouterr().out


def test_labels_are_dropped_on_request(tiny_run: TinyRun, tmp_path: Path):
    folder = tmp_path / "g"
    main(["encode", str(tiny_run.folder), "--output", str(folder), "--labels", "none"])
    plain, labeled = Gallery.open(folder), Gallery.open(tiny_run.gallery)
    assert plain.classes == [] and labeled.classes
    assert plain.items["id"].tolist() == labeled.items["id"].tolist()
    assert plain.items["split"].tolist() == labeled.items["split"].tolist()


def test_tiles_are_added_without_their_labels(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "g"
    main(["encode", str(tiny_run.folder), "--output", str(folder)])
    new = tmp_path / "new"
    for name in ("barren", "coast"):
        (new / name).mkdir(parents=True)
        source = min((tiny_run.data / name).iterdir())
        (new / name / "new.jpg").write_bytes(source.read_bytes())
    main(["gallery", "add", str(folder), str(new), "--labels", "none"])
    gallery = Gallery.open(folder)
    assert len(gallery) == 50 and gallery.num_labeled == 48
    capsys.readouterr()
    main(["gallery", "info", str(folder)])
    assert "50, 4 classes, 48 of 50 tiles have a class" in capsys.readouterr().out
