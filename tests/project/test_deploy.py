"""The recipes for publishing: what cannot be built here is at least what it says it is."""

import ast
import json
import os
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from recipes import command, health_check, instructions, named, said

from rsh.cli import main
from rsh.explorer.server.registry import DEFAULT
from rsh.explorer.server.serve import CULLING, LOOKS, TORNADO

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "deploy" / "huggingface"
BINDER = ROOT / "binder"
DOCKERFILES = [ROOT / "Dockerfile", SPACE / "Dockerfile"]
CONFS = [ROOT / "deploy" / "nginx.conf", SPACE / "nginx.conf"]
SCRIPTS = [*(ROOT / "deploy").glob("*.sh"), BINDER / "postBuild"]
PAGE = (ROOT / "docs" / "how-to" / "publish.md").read_text()
dockerfiles = pytest.mark.parametrize("file", DOCKERFILES, ids=["docker", "space"])
confs = pytest.mark.parametrize("file", CONFS, ids=["server", "space"])


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the build: the last line that fits decides."""
    answer = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!")
        parts = [*Path(path).parents, Path(path)]
        fits = any(fnmatch(f"./{part}", f"./{pattern}") for part in parts if str(part) != ".")
        if (
            line
            and not line.startswith("#")
            and (fits or fnmatch(path, pattern.replace("**", "*")))
        ):
            answer = not line.startswith("!")
    return answer


def in_space() -> set[str]:
    """The files of a Space, as the page says how to put them together."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (words,) = re.findall(r"^cp (.*) space/$", PAGE, re.M)
    files = {file.name for word in words.split() for file in ROOT.glob(word)}
    assert "pip wheel --no-deps --wheel-dir space ." in PAGE
    return files | {f"rsh-{version}-py3-none-any.whl"}


@dockerfiles
def test_the_page_does_not_run_as_root_and_owns_nothing(file: Path):
    user = named(file, "USER")[-1]
    assert user.isdecimal()
    assert int(user) >= 1000
    after_user = [word for word, _ in instructions(file)][::-1]
    assert "COPY" not in after_user[: after_user.index("USER")]
    assert not [rest for rest in named(file, "COPY") if "--chown" in rest]


@dockerfiles
def test_an_image_has_no_secret(file: Path):
    for rest in named(file, "ENV") + named(file, "ARG"):
        assert not re.search("token|secret|password", rest, re.I)


@dockerfiles
def test_both_images_are_of_a_python_that_rsh_takes(file: Path):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    for rest in named(file, "FROM"):
        assert re.match(r"python:(\S+)-slim", rest)[1] in SpecifierSet(wanted)  # type: ignore[index]


@dockerfiles
def test_what_is_copied_is_there(file: Path):
    sources = [
        source
        for rest in named(file, "COPY")
        if "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert len(sources) > 3
    for source in sources:
        if file.parent == ROOT:
            assert (ROOT / source).exists()
            assert not ignored(source), source
        else:
            assert [name for name in in_space() if fnmatch(name, source)], source


def test_the_space_needs_no_executable_file():
    scripts = [rest for rest in named(SPACE / "Dockerfile", "RUN") if "/build/" in rest]
    assert len(scripts) == 2
    assert all(rest.startswith("sh /build/") for rest in scripts)  # the hub does not keep modes


def test_nothing_else_gets_into_a_build():
    strangers = [".git/config", ".env", "galleries/mine/gallery.json", "runs/mine/config.json"]
    strangers += ["data/aid/items.csv", "tests/test_deploy.py", "rsh/__pycache__/cli.pyc"]
    assert [path for path in strangers if not ignored(path)] == []
    assert not ignored("rsh/explorer/static/page.css")


def test_the_container_refuses_to_start_without_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("RSH_TOKEN", raising=False)
    program, *words = command(ROOT / "Dockerfile")
    assert program == "rsh"
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    assert "--public needs an access token" in capsys.readouterr().err


@dockerfiles
def test_ports_agree(file: Path):
    (port,) = named(file, "EXPOSE")
    check = ast.parse(health_check(file)[-1])
    numbers = {node.value for node in ast.walk(check) if isinstance(node, ast.Constant)}
    assert int(port) in numbers
    assert re.search(rf"\b{port}\b", " ".join(command(file)) + (SPACE / "nginx.conf").read_text())


def test_the_space_says_what_it_is():
    _, head, text = (SPACE / "README.md").read_text().split("---\n", 2)
    says = yaml.safe_load(head)
    assert says["sdk"] == "docker"
    assert str(says["app_port"]) == named(SPACE / "Dockerfile", "EXPOSE")[0]
    assert len(says["short_description"]) <= 60  # more is refused
    assert text.startswith("\n# ")


def test_the_space_is_opened_by_nginx_alone():
    line = command(SPACE / "Dockerfile")[-1]
    assert "--public" not in line
    assert "--allow-iframe https://huggingface.co" in line
    assert "exec rsh dashboard" in line  # so that it hears when the container is to end
    assert ["proxy_set_header", "Host", "localhost"] in said(SPACE / "nginx.conf")


@confs
def test_nginx_passes_on_what_the_page_needs(file: Path):
    words = said(file)
    for wanted in (
        ["proxy_http_version", "1.1"],
        ["proxy_set_header", "Upgrade", "$http_upgrade"],
        ["proxy_buffering", "off"],
        ["proxy_read_timeout", "1h"],
    ):
        assert wanted in words
    assert {words[1] for words in words if words[0] == "proxy_pass"} == {"http://127.0.0.1:8866"}


@confs
def test_visits_are_counted_where_they_cost_a_kernel(file: Path):
    words = said(file)
    zones = {"limit_req": "limit_req_zone", "limit_conn": "limit_conn_zone"}
    for use, made in zones.items():
        kept = {re.search(r"zone=(\w+):", " ".join(zone))[1] for zone in words if zone[0] == made}  # type: ignore[index]
        used = {zone[1].removeprefix("zone=") for zone in words if zone[0] == use}
        assert used == kept != set()


def test_a_token_is_in_no_log_of_nginx():
    words = said(ROOT / "deploy" / "nginx.conf")
    assert ["access_log", "off"] in words
    assert ["limit_req_log_level", "info"] in words


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_can_be_run(script: Path):
    assert os.access(script, os.X_OK)
    assert re.match(r"#!/bin/(ba)?sh\n", script.read_text())
    assert "set -eu" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)


def test_the_demo_makes_the_gallery_that_is_shown():
    lines = (ROOT / "deploy" / "demo.sh").read_text().splitlines()
    steps = [line.split() for line in lines if line.startswith("rsh ")]
    assert [step[1] for step in steps] == ["train", "encode", "project"]
    assert steps[-1][-1] == str(DEFAULT)
    for file in DOCKERFILES:
        assert str(DEFAULT) in " ".join(command(file))


def test_an_image_without_torch_keeps_what_the_page_needs():
    text = (ROOT / "deploy" / "without_torch.sh").read_text()
    first, second, third = re.findall(r"^learning=['\"](.*)['\"]$", text, re.M)
    pattern = "|".join([first, second, third]).replace("$learning|", "")
    pins = [line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().split()]
    gone = {name for name in pins if re.fullmatch(pattern, name)}
    assert {"torch", "torchvision", "timm", "lightning", "triton", "cuda-toolkit"} <= gone
    assert sum(name.startswith("nvidia-") for name in gone) > 10
    kept = {"onnxruntime", "numpy", "faiss-cpu", "numba", "scikit-learn", "voila", "anywidget"}
    assert kept <= set(pins) - gone


def test_binder_finds_the_environment():
    spec = yaml.safe_load((BINDER / "environment.yml").read_text())
    (python,) = spec["dependencies"]
    # Only so does repo2docker see it, and rsh's environment has a least version.
    version = re.fullmatch(r"python=(\d+\.\d+)", python)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert version
    assert version[1] in SpecifierSet(wanted)
    assert "--file environment.yml" in (BINDER / "postBuild").read_text()
    assert not (BINDER / "Dockerfile").exists()  # would be taken instead


def test_binder_shows_the_page_as_rsh_does():
    looks = json.loads((BINDER / "voila.json").read_text())["VoilaConfiguration"]
    assert looks == {key: LOOKS[key] for key in looks}
    assert {"template", "extension_allowlist"} <= set(looks)
    server = json.loads((BINDER / "server.json").read_text())
    key = "websocket_max_message_size"
    assert server["ServerApp"]["tornado_settings"] == {key: TORNADO[key]}
    assert set(server["MappingKernelManager"]) == set(CULLING)
