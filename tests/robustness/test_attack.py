"""The attacks that take seconds, against a page with a token."""

import asyncio
from functools import partial

import in_loop
import pytest
from make_gallery import tiny_gallery
from tiers import RELEASE

from benchmarks.dashboard.server import kernels_of
from robustness.attack import attacks
from robustness.attack.attacks import ATTACKS, Attack
from robustness.attack.run import honest_clicks
from robustness.attack.server import Target, served
from robustness.attack.visitor import PATIENCE
from rsh.explorer.server.serve import POOL

pytestmark = RELEASE
LONG = (
    attacks.random_frames,
    attacks.full_house,
    attacks.half_requests,
    attacks.large_messages,
    attacks.many_messages,
)
CHEAP = [attack for attack in ATTACKS if attack.act not in LONG and "token" in attack.setups]
FRAMES = Attack(
    "2,000 frames with random changes", "visitor", partial(attacks.random_frames, count=2000)
)


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Target:
    gallery = tiny_gallery(tmp_path_factory.mktemp("galleries") / "attacked").folder
    with served(gallery, tmp_path_factory.mktemp("server"), "token") as target:
        yield target


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clicks take any time here: `robustness.attack.run` measures them."""
    monkeypatch.setattr(attacks, "CLICK", PATIENCE)


@pytest.mark.parametrize("attack", [*CHEAP, FRAMES], ids=lambda attack: attack.name)
def test_an_attack_gets_nowhere(target: Target, attack: Attack):
    in_loop.run(attack.act(target))
    assert "Traceback" not in target.log.read_text()


def test_afterwards_a_visitor_is_served(target: Target):
    assert in_loop.run(honest_clicks(target)) < PATIENCE


def test_a_replaced_gallery_has_new_pages(target: Target):
    """Prepared pages are made again when a gallery has changed."""

    async def replaced() -> bool:
        before = {kernel.pid for kernel in kernels_of(target.process)}
        file = target.gallery / "gallery.json"
        file.write_bytes(file.read_bytes())
        for _ in range(400):
            await asyncio.sleep(0.3)
            now = {kernel.pid for kernel in kernels_of(target.process)}
            if min(len(now - before), len(before - now)) >= POOL:
                return True
        return False

    assert in_loop.run(replaced())
