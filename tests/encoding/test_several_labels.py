"""A gallery of tiles with several labels is encoded, and grows."""

from pathlib import Path

import pandas as pd
import pytest
from make_scenes import make

from rsh.cli.main import main
from rsh.gallery.gallery import Gallery


def labeled(folder: Path, *, prefix: str = "", labels: str = "labels") -> Path:
    """Write tiles of two classes with a table of labels; the last has none."""
    make(folder, count=2)
    if prefix:
        for part in [*folder.iterdir()]:
            part.rename(folder / f"{prefix}{part.name}")
    paths = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.png"))
    names = ["sea;sand", "sea", "wood", ""]
    pd.DataFrame({"path": paths, labels: names}).to_csv(folder / "items.csv", index=False)
    return folder


def test_labels_are_read_as_the_gallery_has_them(
    tiny_run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data, more = labeled(tmp_path / "data"), labeled(tmp_path / "more", prefix="new_")
    run, folder = str(tiny_run.folder), tmp_path / "g"
    main(["encode", run, str(data), "--labels", "multi", "--output", str(folder)])
    assert Gallery.open(folder).label_names == ["sand", "sea", "wood"]
    main(["gallery", "add", str(folder), str(more)])  # which have a class as well
    gallery = Gallery.open(folder)
    assert gallery.has_several and gallery.num_labeled == 6
    row = next(row for row in range(8) if gallery.ids[row].startswith("new_"))
    assert gallery.label_sets[row] == gallery.label_sets[gallery.find_row(gallery.ids[row][4:])]

    plain = make(tmp_path / "plain", count=1)
    for part in [*plain.iterdir()]:
        part.rename(plain / f"plain_{part.name}")
    with pytest.raises(SystemExit) as stopped:
        main(["gallery", "add", str(folder), str(plain)])
    assert stopped.value.code == 2 and "--labels none" in capsys.readouterr().err
    main(["gallery", "add", str(folder), str(plain), "--labels", "none"])
    assert Gallery.open(folder).num_labeled == 6


def test_labels_join_tiles_without_and_no_classes(tiny_run, tmp_path: Path, capsys):
    data, run = labeled(tmp_path / "data"), str(tiny_run.folder)
    plain = make(tmp_path / "plain", count=1)
    for part in [*plain.iterdir()]:
        part.rename(plain / f"plain_{part.name}")
    for name, labels in (("unlabeled", "none"), ("classes", "auto")):
        folder = str(tmp_path / name)
        main(["encode", run, str(plain), "--labels", labels, "--output", folder])
        if labels == "none":
            main(["gallery", "add", folder, str(data), "--labels", "multi"])
            assert Gallery.open(folder).label_names == ["sand", "sea", "wood"]
            continue
        with pytest.raises(SystemExit):
            main(["gallery", "add", folder, str(data), "--labels", "multi"])
        assert "one class each: encode one of them again" in capsys.readouterr().err
        assert len(Gallery.open(folder)) == 2
