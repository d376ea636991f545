"""The program held against the oracle on corner cases that have a name."""

import pytest
from compare import run_differences
from corners import all_cases
from oracle import World

CASES = all_cases()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_corner_case_has_one_answer(case: World):
    """Row, outbox line and segments are those of a second implementation of the rules."""
    assert run_differences(case) == []
