"""A Kannel with an SMS centre behind it: of a test's own, or shared by those of a file that leave it as it is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kannel_server import Chain, Kannel, free_port, need_kannel
from smpp_centre import SmsCentre


def start(stack: ExitStack, directory: Path, *, away: bool = False, **lines: str) -> Chain:
    """Start a Kannel with these lines in its settings; with ``away`` the SMS centre is not there yet."""
    centre = SmsCentre(free_port())
    if not away:
        stack.enter_context(centre)
    kannel = stack.enter_context(Kannel(directory, centre.port, **lines))
    if not away:
        kannel.wait_online()
    return Chain(kannel, centre, stack)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Chain]]:
    """Make a Kannel of the test's own; see ``start``."""
    need_kannel()
    with ExitStack() as stack:
        yield lambda **how: start(stack, tmp_path / "kannel", **how)


@pytest.fixture
def chain(made: Callable[..., Chain]) -> Chain:
    """Make a Kannel of the test's own, as the README has it."""
    return made()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Make a Kannel for a whole file, as the README has it."""
    need_kannel()
    with ExitStack() as stack:
        yield start(stack, tmp_path_factory.mktemp("kannel") / "kannel")


@pytest.fixture
def shared(running: Chain) -> Iterator[Chain]:
    """Give the file's Kannel, with an SMS centre that has forgotten what it took."""
    running.centre.parts.clear()
    with ExitStack() as stack:
        yield Chain(running.kannel, running.centre, stack)
