"""The tiers of tests, and how much of a long loop each runs.

`make test` runs every test without a mark, `make test-slow` those that are slow, and
`make test-release` the longest, each beside a shorter test of the same thing.
"""

import pytest

SLOW = pytest.mark.slow
RELEASE = pytest.mark.release
KILLS = [3, pytest.param(30, marks=RELEASE)]  # moments at which a process is killed
EVERYWHERE = [False, pytest.param(True, marks=SLOW)]  # a file is damaged at 6 places, or at 34
