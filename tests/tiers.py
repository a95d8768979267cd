"""How much of a long loop each tier runs: some of it always, all of it among the slow tests."""

import pytest

SLOW = pytest.mark.slow
KILLS = [3, pytest.param(30, marks=SLOW)]  # moments at which a process is killed
EVERYWHERE = [False, pytest.param(True, marks=SLOW)]  # a file is damaged at 6 places, or at 34
