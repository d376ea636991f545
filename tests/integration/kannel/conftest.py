"""A Kannel of each test's own, with an SMS centre behind it: both are up in half a second."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kannel_server import Chain, Kannel, free_port, need_kannel
from smpp_centre import SmsCentre


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Chain]]:
    """Start a Kannel with these lines in its settings; with ``away`` the SMS centre is not there yet."""
    need_kannel()
    with ExitStack() as stack:

        def made(*, away: bool = False, **lines: str) -> Chain:
            centre = SmsCentre(free_port())
            if not away:
                stack.enter_context(centre)
            kannel = stack.enter_context(Kannel(tmp_path / "kannel", centre.port, **lines))
            if not away:
                kannel.wait_online()
            return Chain(kannel, centre, stack)

        yield made


@pytest.fixture
def chain(made: Callable[..., Chain]) -> Chain:
    """Start a Kannel as the README has it."""
    return made()
