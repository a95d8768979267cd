"""A site that takes visitors' images: what it needs, and what is refused."""

import gzip
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from conftest import TinyRun
from make_gallery import tiny_gallery
from refusals import refused
from tiers import RELEASE

from rsh.cli.main import main
from rsh.cli.serve import site
from rsh.explorer.site.build import build_site
from rsh.explorer.site.checksums import check_site
from rsh.explorer.site.runtime import MACHINE, SCRIPT, VERSION, read_runtime
from rsh.gallery.gallery import Gallery
from rsh.models.onnx import FILE, OnnxEncoder

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "node_modules" / "onnxruntime-web"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack the runtime as `npm pack` does, as far as it is read."""
    file = tmp_path_factory.mktemp("npm") / f"onnxruntime-web-{VERSION}.tgz"
    with tarfile.open(file, "w:gz", compresslevel=1) as package:
        for name in (SCRIPT, MACHINE):
            package.add(PACKAGE / name, f"package/{name}")
    return file


def test_the_runtime_is_that_of_the_lock_file() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert wanted["onnxruntime-web"] == VERSION
    assert read_runtime(PACKAGE).machine.startswith(b"\0asm")


def test_a_site_holds_what_its_encoder_needs(
    tiny_run: TinyRun, tmp_path: Path, packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(packed.parent)
    gallery, folder = Gallery.open(tiny_run.gallery), tmp_path / "s"
    manifest = build_site(gallery, folder, own_images=True)
    data = folder / "data"
    assert (data / "encoder.onnx").read_bytes() == (tiny_run.folder / FILE).read_bytes()
    assert (data / "runtime.js").read_bytes() == (PACKAGE / SCRIPT).read_bytes()
    assert gzip.decompress((data / "runtime.bin").read_bytes()) == (PACKAGE / MACHINE).read_bytes()
    assert "Microsoft" in (folder / "onnxruntime-license.txt").read_text()
    assert manifest.encoder and manifest.encoder.image_size == 32
    assert check_site(folder) == len([*filter(Path.is_file, folder.rglob("*"))]) - 2
    assert build_site(gallery, folder).encoder is None
    assert (
        not (data / "encoder.onnx").exists() and not (folder / "onnxruntime-license.txt").exists()
    )


@RELEASE
def test_a_network_that_was_not_exported_is(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = shutil.copytree(tiny_run.folder, tmp_path / "run")
    (run / FILE).unlink()
    words = ["site", str(tiny_run.gallery), "--own-images", "--run", str(run)]
    main([*words, "--runtime", str(PACKAGE), "--output", str(tmp_path / "s")])
    made = OnnxEncoder(tmp_path / "s" / "data" / "encoder.onnx")
    assert made.settings == OnnxEncoder(tiny_run.folder / FILE).settings
    assert not (run / FILE).exists()


def test_a_gallery_without_a_network_for_images_is_refused(tmp_path: Path) -> None:
    vectors = tiny_gallery(tmp_path / "v", num_tiles=30, vector_dim=8)
    unknown = tiny_gallery(tmp_path / "u", num_tiles=30)
    for gallery in (vectors, unknown):
        with refused(names=gallery.folder):
            build_site(gallery, tmp_path / "s", own_images=True, runtime=PACKAGE)
    assert not (tmp_path / "s").exists()


def test_a_missing_runtime_is_refused_with_the_command_that_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = f"`npm pack onnxruntime-web@{VERSION}`"
    with refused(names=command):
        read_runtime()
    with refused("runtime", value=tmp_path / "gone", names=command):
        read_runtime(tmp_path / "gone")


def test_another_runtime_is_refused(tmp_path: Path, packed: Path) -> None:
    (tmp_path / "cut.tgz").write_bytes(packed.read_bytes()[:100_000])
    (tmp_path / "text.tgz").write_text("no archive")
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    (tmp_path / "empty").mkdir()
    shutil.copytree(PACKAGE / "dist", tmp_path / "other" / "dist", copy_function=shutil.copy)
    with (tmp_path / "other" / SCRIPT).open("a") as stream:
        stream.write(" ")
    told = {
        "cut.tgz": "it cannot be read",
        "text.tgz": "it cannot be read",
        "empty.tgz": "it lacks",
        "empty": "it lacks",
        "other": f"its {SCRIPT} is another",
    }
    for name, reason in told.items():
        with refused("runtime", value=tmp_path / name, names=(VERSION, reason)):
            read_runtime(tmp_path / name)


@pytest.mark.parametrize("flag", ["run", "runtime"])
def test_what_only_own_images_need_is_refused_without_them(flag: str, tmp_path: Path) -> None:
    with refused(flag, value=tmp_path, names="--own-images"):
        site(tmp_path, **{flag: tmp_path})
