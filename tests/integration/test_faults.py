"""Real servers behind the hostile proxy, fault by fault: whatever they do, the promises are kept."""

import os
from collections.abc import Callable, Iterator
from functools import cache

import httpx
import pytest
import warm

from fhirnotify import assets
from fhirnotify.fhir.capability import read_capability
from fhirnotify.harness import faults
from fhirnotify.harness.faults import matrix
from fhirnotify.harness.guest import Run
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.scenarios.performance import Site
from fhirnotify.harness.scenarios.playing import Player
from fhirnotify.harness.scenarios.targets import Server

pytestmark = [pytest.mark.hapi, pytest.mark.enable_socket]  # warm starts go through a Unix socket

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_YEAR = 2096 + _WORKER
"""Beyond those that a run of the harness chooses from, since one may be going on on the same server."""
SCENARIOS = matrix.scenarios()
ON_R5 = (
    "body-enormous",
    "consents-of-another-search",
    "consents-of-another-server",
    "consents-withdrawn-meanwhile",
    "denies-marked-included",
    "denies-withheld",
    "metadata-of-the-other-version",
    "numbers-changed-meanwhile",
    "page-gone-once",
    "page-of-consents-lost",
    "patient-ignored",
    "refused-midway",
)
"""Those in which the shape of Consent or the server's own way of paging plays a part."""


@pytest.fixture(scope="module")
def players() -> Iterator[Callable[[str], Player]]:
    """Give the player on a server, one for all tests of this process, in a year of its own."""
    with httpx.Client(timeout=120) as writer, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Installation, "start", warm.start_in)

        @cache
        def player(base_url: str) -> Player:
            capability = read_capability(writer.get(f"{base_url}/metadata").json())
            site = Site(
                Server(base_url, writer, capability), assets.directory("mappings"), faulty=faults.before(base_url)
            )
            return Player(site, _YEAR, Run.now(), apart=True)

        yield player


@pytest.mark.parametrize("kept_server", ["hapi-r4"], indirect=True)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_promise_is_kept_on_r4(kept_server, players, name):
    """Exit code, rows and messages are as the scenario of the fault says."""
    _keeps(players(kept_server.base_url), name)


@pytest.mark.parametrize("kept_server", ["hapi-r5"], indirect=True)
@pytest.mark.parametrize("name", ON_R5)
def test_promises_are_kept_on_r5(kept_server, players, name):
    """Where the version of FHIR could make a difference, it makes none."""
    _keeps(players(kept_server.base_url), name)


def _keeps(player: Player, name: str) -> None:
    (line,) = matrix.played([player], {name: SCENARIOS[name]})
    assert line.is_well, "\n".join(line.played.findings)
    assert line.seen == line.promised
