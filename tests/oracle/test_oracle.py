"""The program held against the oracle on random worlds of fixed seeds."""

import pytest
from compare import plan_differences, run_differences
from worlds import make


@pytest.mark.parametrize("seed", range(300))
def test_plan_decides_as_the_specification_says(seed: int):
    """Every row of ``plan`` and its summary are those of a second implementation of the rules."""
    assert plan_differences(make(seed)) == []


@pytest.mark.parametrize("seed", range(1000, 1080))
def test_run_sends_what_the_specification_says(seed: int):
    """Every row of ``run`` and every line of its outbox are those of a second implementation of the rules."""
    assert run_differences(make(seed)) == []
