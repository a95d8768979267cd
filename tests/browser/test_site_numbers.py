"""A site writes numbers as Python does, halves too."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import probing
from make_gallery import tiny_gallery

pytestmark = pytest.mark.browser
PROBE = """
export function numbers(_base, asks) {
  const { fixed, general } = site_web_numbers_js;
  const all = (value) => [0, 1, 2, 3, 5].map((digits) => fixed(value, digits));
  return asks.map((value) => [...all(value), general(value)]);
}
"""


def test_numbers_are_written_as_python_writes_them(tmp_path: Path, chromium: Any) -> None:
    random = np.random.default_rng(5)
    halves = np.arange(-41, 42) / 8  # of which every second one lies between two of two decimals
    large = [0.5, 1.5, 2.5, 1234565.0, 1234575.0, 100000.5, 999999.5, 99999.95, 12345650.0]
    odd = [0.005, 0.045, 1.005, 2.675, 1e-4, 1.25e-5, 1e-7, 3.0e20, 1e16]
    many = [*random.normal(size=300), *(10.0 ** random.uniform(-12, 15, 300))]
    values = [float(value) for value in (*halves, *large, *odd, *many)]
    values = [value for value in values if value]  # zero has a sign in Python
    gallery = tiny_gallery(tmp_path / "g", num_tiles=30)
    with probing(chromium, gallery, tmp_path / "site", PROBE) as call:
        found = call("numbers", values)
    for value, texts in zip(values, found, strict=True):
        wanted = [*(f"{value:.{digits}f}" for digits in (0, 1, 2, 3, 5)), f"{value:g}"]
        assert texts == wanted, value
