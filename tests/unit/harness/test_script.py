"""What becomes of the messages to come, as somebody has said."""

import pytest

from fhirnotify.harness.behaviour import Behaviour, Line, Script

ANNA, BO = "+46701740605", "+46701740606"
ACCEPT, REFUSE, THROTTLE, HANG = Behaviour.ACCEPT, Behaviour.REFUSE, Behaviour.THROTTLE, Behaviour.HANG


@pytest.fixture
def script():
    """Give an empty script."""
    return Script()


def fates(script, *numbers):
    """Give what becomes of messages to these numbers, in order."""
    return [script.of(number) for number in numbers]


def test_everything_is_accepted_where_nothing_is_said(script):
    """An empty script lets all through."""
    assert fates(script, ANNA, BO) == [ACCEPT, ACCEPT]
    assert script.lines() == []


def test_the_next_ones_are_used_up_in_order(script):
    """Each of the next messages has its turn, whoever it is to; then all is as before."""
    script.next(REFUSE, HANG)
    script.next(THROTTLE)
    assert fates(script, ANNA, BO, ANNA, BO) == [REFUSE, HANG, THROTTLE, ACCEPT]


def test_until_changed_comes_after_the_next_ones(script):
    """What holds for all waits until the next ones are used up, and holds then."""
    script.always(REFUSE)
    script.next(ACCEPT)
    assert fates(script, ANNA, ANNA, BO) == [ACCEPT, REFUSE, REFUSE]


def test_a_number_of_its_own_goes_before_all(script):
    """What is said of a number uses nothing up of what is said of all."""
    script.next(HANG)
    script.always(REFUSE, to=ANNA)
    script.next(THROTTLE, to=ANNA)
    assert fates(script, ANNA, ANNA, ANNA, BO, BO) == [THROTTLE, REFUSE, REFUSE, HANG, ACCEPT]


def test_from_now_on_forgets_what_was_said_of_the_same(script):
    """A number's lines stay when those of all are changed, and the other way round."""
    script.next(HANG, HANG)
    script.next(THROTTLE, to=ANNA)
    script.always(REFUSE)
    assert fates(script, BO, ANNA, ANNA) == [REFUSE, THROTTLE, REFUSE]
    script.always(ACCEPT)
    assert script.lines() == []


def test_a_number_can_be_let_through(script):
    """Accepting one number holds while all others are refused."""
    script.always(REFUSE)
    script.always(ACCEPT, to=ANNA)
    assert fates(script, ANNA, BO, ANNA) == [ACCEPT, REFUSE, ACCEPT]


def test_the_lines_tell_what_counts_first_first(script):
    """Equal ones that follow each other are one line; numbers come before all."""
    script.always(REFUSE)
    script.next(HANG, HANG, THROTTLE)
    script.next(ACCEPT, to=BO)
    script.always(HANG, to=ANNA)
    assert script.lines() == [
        Line(HANG, ANNA, None),
        Line(ACCEPT, BO, 1),
        Line(HANG, None, 2),
        Line(THROTTLE, None, 1),
        Line(REFUSE, None, None),
    ]
    script.clear()
    assert script.lines() == []
