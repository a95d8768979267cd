"""The interactive tutorial under Voila, driven as a reader does: by keyboard and by pointer."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from browser.conftest import ROOT
from playwright.sync_api import expect
from ports import free_port
from tiers import RELEASE

pytestmark = [pytest.mark.browser, RELEASE]
TUTORIAL = ROOT / "notebooks" / "05_contrastive_hashing.ipynb"
READY = 1500  # seconds for all cells, of which the view cached may take most
NEW_PLOTS_S = 12  # the bar from a slider to new plots; printed, as a busy machine is no defect


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, chromium) -> Iterator:
    """The page of the tutorial once all of its cells have run; nothing outside can be reached."""
    port = free_port()
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    env = os.environ | {"PYTHONPATH": path, "RSH_CACHE": str(ROOT / "build" / "cache")}
    command = [sys.executable, "-m", "voila", str(TUTORIAL), f"--port={port}", "--no-browser"]
    command += ["--Voila.ip=127.0.0.1", f"--VoilaExecutor.timeout={READY}"]
    log = tmp_path_factory.mktemp("tutorial") / "log.txt"
    with log.open("w") as stream:
        process = subprocess.Popen(command, env=env, cwd=log.parent, stdout=stream, stderr=stream)
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        for _ in range(100):
            if "is running at" in log.read_text():
                break
            time.sleep(0.2)
        page.goto(f"http://127.0.0.1:{port}/", timeout=1000 * READY, wait_until="commit")
        page.wait_for_selector(".rsh-sliders >> nth=1", timeout=1000 * READY)
        yield page
        page.screenshot(path=log.parent / "tutorial.png", full_page=True)
    finally:
        context.close()
        process.terminate()
        process.wait(timeout=30)


def degrees(page, name: str) -> int:
    return int(page.get_attribute(f'.rsh-point[aria-label="{name}"]', "aria-valuenow"))


def test_a_point_is_turned_by_keyboard_and_dragged(tutorial):
    name = "forest, image 1, branch 0"
    point = tutorial.locator(f'.rsh-point[aria-label="{name}"]')
    caption, before = tutorial.locator(".rsh-circle p"), degrees(tutorial, name)
    told = caption.inner_text()
    point.focus()
    point.press("ArrowLeft")
    assert degrees(tutorial, name) == before + 5  # at once: nothing waits for Python
    point.press("Shift+ArrowRight")
    assert degrees(tutorial, name) == before + 4
    tutorial.wait_for_function(
        "(old) => document.querySelector('.rsh-circle p').innerText !== old",
        arg=told,
        timeout=180_000,  # the kernel may still run later cells
    )
    box = tutorial.locator(".rsh-circle > svg").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    start = point.bounding_box()
    tutorial.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    tutorial.mouse.down()
    radius = box["width"] * 0.36
    turn = math.radians(200)
    tutorial.mouse.move(
        middle[0] + radius * math.cos(turn), middle[1] - radius * math.sin(turn), steps=5
    )
    tutorial.mouse.up()
    assert abs(degrees(tutorial, name) - 200) <= 2
    assert point.get_attribute("aria-valuetext").endswith("code 00")


def test_terms_weights_and_steps_move_the_arrows(tutorial):
    arrows = lambda: tutorial.inner_html(".rsh-arrows")  # noqa: E731
    changed = "(old) => document.querySelector('.rsh-arrows').innerHTML !== old"
    old = arrows()
    tutorial.get_by_label("quantization", exact=True).first.check()
    tutorial.wait_for_function(changed, arg=old)
    tutorial.get_by_label("all, weighted").check()
    old = arrows()
    tutorial.get_by_label("weight: category").first.focus()
    tutorial.keyboard.press("Home")
    tutorial.wait_for_function(changed, arg=old)
    row = tutorial.locator(".rsh-circle tbody tr", has_text="category (features)")
    expect(row.locator("td").nth(1)).to_have_text("0.0")
    before = degrees(tutorial, "ocean, image 2, branch 1")
    tutorial.get_by_role("button", name="one step downhill").press("Enter")
    tutorial.wait_for_function(
        "(old) => Number(document.querySelector('[aria-label=\"ocean, image 2, branch 1\"]')"
        ".getAttribute('aria-valuenow')) !== old",
        arg=before,
    )
    tutorial.get_by_role("button", name="start again").press("Enter")
    tutorial.wait_for_function(
        "() => document.querySelector('[aria-label=\"ocean, image 2, branch 1\"]')"
        ".getAttribute('aria-valuenow') === '300'"
    )


def test_a_slider_of_the_ablation_gives_new_plots_soon(tutorial, capsys):
    panel = tutorial.locator(".rsh-sliders").nth(1)
    status, image = panel.locator(".rsh-sliders-message"), tutorial.locator('img[alt*="mAP"]')
    panel.get_by_label("weight: intra-class").focus()
    start = time.perf_counter()
    tutorial.keyboard.press("Home")
    tutorial.wait_for_selector('img[alt^="without intra-class: mAP"]', timeout=90_000)
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nnew plots after {seconds:.1f} s (bar: {NEW_PLOTS_S} s)")
    assert status.inner_text().startswith("without intra-class: mAP")
    # turned twice in a row: the newer wins, and the older is never shown
    panel.get_by_label("weight: inter-class").focus()
    tutorial.keyboard.press("Home")
    panel.get_by_label("weight: category").focus()
    tutorial.keyboard.press("Home")
    words = "without category, without inter-class, without intra-class: mAP"
    tutorial.wait_for_selector(f'img[alt^="{words}"]', timeout=90_000)
    panel.get_by_label("weight: quantization").focus()
    tutorial.keyboard.press("Home")
    panel.get_by_text("raise one of them").wait_for()
    panel.get_by_role("button", name="as it comes").press("Enter")
    tutorial.wait_for_selector('img[alt^="as it comes: mAP"]', timeout=90_000)
    assert image.count() == 1


def test_every_control_has_a_name(tutorial):
    controls = tutorial.locator(".rsh-sliders input, .rsh-sliders button, .rsh-circle input")
    names = [
        controls.nth(place).evaluate("(it) => it.labels?.[0]?.innerText || it.innerText")
        for place in range(controls.count())
    ]
    assert len(names) == 20 and all(names)
