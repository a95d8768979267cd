"""The scan of a site: WebAssembly, and JavaScript where it is forbidden, against a slow loop."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import probing, write_probe
from make_gallery import tiny_gallery
from static_host import hosting

pytestmark = pytest.mark.browser
PROBE = """
export function scanned(base, [perCode, codes, queries]) {
  const { CodeScanner, compileScan } = site_web_scan_js;
  const compiled = compileScan();
  const found = [compiled, null].map((way) => {
    const scanner = new CodeScanner(perCode, way);
    scanner.reserve(1).fill(7);
    scanner.reserve(codes.length / perCode).set(codes);
    return queries.map((query) => Array.from(scanner.scan(Uint32Array.from(query))));
  });
  return [compiled !== null, ...found];
}
"""
COMPILES = """
() => {
  try {
    return Boolean(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));
  } catch {
    return false;
  }
}
"""


@pytest.mark.parametrize("num_bits", [16, 32, 64, 100, 160, 256, 512])
def test_both_ways_to_scan_count_bits(num_bits: int, tmp_path: Path, chromium: Any) -> None:
    draw = np.random.default_rng(num_bits)
    bits = draw.integers(2, size=(2000, num_bits), dtype=np.uint8)
    bits[:2] = [[0], [1]]
    per_code = -(-num_bits // 32)
    packed = np.zeros((len(bits), per_code * 4), np.uint8)
    packed[:, : -(-num_bits // 8)] = np.packbits(bits, axis=1)
    words = packed.view("<u4")
    rows = [0, 1, 77, 1999]
    with probing(chromium, tiny_gallery(tmp_path / "g"), tmp_path / "s", PROBE) as call:
        ask = [per_code, words.ravel().tolist(), words[rows].tolist()]
        is_compiled, *ways = call("scanned", ask)
    assert is_compiled
    for found in ways:
        for row, distances in zip(rows, found, strict=True):
            slow = [sum(a != b for a, b in zip(bits[row], other, strict=True)) for other in bits]
            assert distances == slow


def test_a_host_that_forbids_webassembly_gives_the_same_cards(
    tmp_path: Path, chromium: Any
) -> None:
    with hosting(write_probe(tiny_gallery(tmp_path / "g"), tmp_path / "s")) as (url, _):
        shown = []
        for policy in ("", "script-src 'self'"):
            page = chromium.new_page()
            forbid(page, policy)
            page.goto(url)
            page.wait_for_selector(".rsh-cards .rsh-card")
            (worker,) = page.workers
            assert worker.evaluate(COMPILES) == (not policy)
            cards = page.locator(".rsh-cards .rsh-card")
            shown.append(cards.evaluate_all("all => all.map((each) => each.dataset.row)"))
            page.close()
    assert shown[0] == shown[1]


def forbid(page: Any, policy: str) -> None:
    """Give the worker's script a policy, as a host can."""

    def answer(route: Any) -> None:
        response = route.fetch()
        headers = response.headers | ({"content-security-policy": policy} if policy else {})
        route.fulfill(response=response, headers=headers)

    page.route("**/worker.js", answer)
