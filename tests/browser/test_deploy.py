"""What the recipes for publishing rely on, with a server that runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from browser.conftest import ROOT
from make_gallery import tiny_gallery
from ports import free_port
from recipes import health_check

from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.browser
TOKEN = "a-token_of.more~than-16"
RECIPES = {"8866": ROOT / "Dockerfile", "7860": ROOT / "deploy" / "huggingface" / "Dockerfile"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("galleries") / "shown")


@pytest.fixture(scope="module")
def homeless(serving, shown):
    """A page with a token whose user has no home, as in a container."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, "/proc/none")
        return serving(shown, token=TOKEN)


@pytest.fixture(scope="module")
def binder(shown, tmp_path_factory) -> Iterator[str]:
    """Jupyter Server as on Binder; the address of the page in it."""
    folder, port = tmp_path_factory.mktemp("binder"), free_port()
    (folder / "jupyter_server_config.d").mkdir()
    (folder / "voila.json").write_bytes((ROOT / "binder" / "voila.json").read_bytes())
    settings = folder / "jupyter_server_config.d" / "rsh.json"
    settings.write_bytes((ROOT / "binder" / "server.json").read_bytes())
    words = ["server", "--no-browser", "--allow-root", f"--ServerApp.root_dir={ROOT}"]
    words += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    words += [f"--IdentityProvider.token={TOKEN}"]
    environment = {"JUPYTER_CONFIG_PATH": str(folder), "RSH_GALLERY": str(shown.folder)}
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "jupyter", *words],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/api", folder / "log.txt")
            page = "voila/render/notebooks/dashboard.ipynb"
            yield f"http://127.0.0.1:{port}/{page}?token={TOKEN}"
            process.terminate()
            process.wait(timeout=20)
        finally:
            process.kill()


def wait_for(url: str, log: Path) -> None:
    for _ in range(120):
        try:
            urlopen(url, timeout=10).close()
            return
        except URLError:
            time.sleep(0.5)
    pytest.fail(log.read_text())


def is_well(page: str, port: int) -> bool:
    """Ask a container's own question of a server here."""
    _, *words = [word.replace(page, str(port)) for word in health_check(RECIPES[page])]
    return not subprocess.run([sys.executable, *words], capture_output=True).returncode


@pytest.mark.parametrize("page", RECIPES)
def test_a_health_check_needs_no_token_and_spends_no_kernel(homeless, page):
    port = int(homeless.url.split(":")[-1].strip("/"))
    before = {kernel.pid for kernel in homeless.kernels()}
    assert is_well(page, port)
    assert {kernel.pid for kernel in homeless.kernels()} >= before
    assert not is_well(page, free_port())


def test_the_page_needs_no_home(visit, homeless):
    tab = visit(bypass_csp=False).page
    tab.goto(f"{homeless.url}?token={TOKEN}")
    tab.wait_for_selector(".rsh-results .rsh-card")
    assert not tab.locator(".rsh-alert:not([hidden])").count()


@pytest.mark.release
def test_the_page_opens_on_binder(chromium, binder):
    tab = chromium.new_page()
    tab.goto(binder)
    tab.wait_for_selector(".rsh-results .rsh-card", timeout=60_000)
    assert tab.locator(".rsh-header").evaluate("() => 'voila' in document.body.dataset")
    tab.close()
