"""The program held against the oracle on corner cases that have a name."""

import pytest
from compare import run_differences
from corners import all_cases, open_questions
from oracle import World

CASES, OPEN = all_cases(), open_questions()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_corner_case_has_one_answer(case: World):
    """Row, outbox line and segments are those of a second implementation of the rules."""
    assert run_differences(case) == []


@pytest.mark.xfail(reason="read in two ways: the program and the oracle differ")
@pytest.mark.parametrize("case", OPEN.values(), ids=OPEN)
def test_an_open_question_has_one_answer(case: World):
    """A case that passes belongs among the corner cases."""
    assert run_differences(case) == []
