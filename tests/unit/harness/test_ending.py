"""How an interruption is heard: at once, when nothing is being written, or by ending there and then."""

import signal
import subprocess
import sys
import threading

import pytest

from fhirnotify.harness.ending import SIGNALS, Ending


@pytest.fixture
def ending():
    """Hear signals as long as the test runs."""
    with Ending() as ending:
        yield ending


@pytest.mark.parametrize("number", SIGNALS)
def test_where_nothing_stands_it_comes_at_once(ending, number):
    """The first is a KeyboardInterrupt; those after it are not heard, for the ending is under way."""
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    signal.raise_signal(number)


def test_it_is_put_off_while_something_is_written(ending, capfd):
    """It is told at once, and comes in the end."""
    done = []
    with pytest.raises(KeyboardInterrupt), ending.put_off(lambda: "three things stand"):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        done.append(capfd.readouterr().err)
    assert done == ["three things stand\n"]


def test_it_comes_where_something_is_waited_for(ending, capfd):
    """Once: what is done then, such as taking away, is not broken off."""
    done = []
    with pytest.raises(KeyboardInterrupt), ending.put_off(lambda: "it stands"):  # noqa: PT012
        try:
            with ending.waiting():
                signal.raise_signal(signal.SIGINT)
                done.append("after it")
        finally:
            done.append("taken away")
    assert done == ["taken away"]
    assert capfd.readouterr().err == "it stands\n"


@pytest.mark.parametrize("heeds", [lambda ending: ending.heed(), lambda ending: ending.waiting().__enter__()])
def test_one_that_came_before_comes_at_the_next_opportunity(ending, heeds):
    """Nothing more is begun."""
    with pytest.raises(KeyboardInterrupt), ending.put_off(str):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            heeds(ending)


def test_another_thread_that_waits_lets_nothing_through(ending):
    """It is the main thread that is interrupted, and only where that is waiting itself."""
    waits, over = threading.Event(), threading.Event()

    def wait() -> None:
        with ending.waiting():
            waits.set()
            over.wait(10)

    thread = threading.Thread(target=wait)
    done = []
    with pytest.raises(KeyboardInterrupt), ending.put_off(str):  # noqa: PT012
        thread.start()
        waits.wait(10)
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    over.set()
    thread.join()
    assert done == ["written"]


def test_the_handlers_of_before_come_back():
    """Whoever heard the signals before hears them again."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with Ending():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_second_one_ends_the_process():
    """At once, as if it had never been heard."""
    program = """
import signal
from fhirnotify.harness.ending import Ending
with Ending() as ending, ending.put_off(lambda: "it stands"):
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    print("still here")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "")
    assert done.stderr.splitlines()[0] == "it stands"
