"""What the probe finds on real servers, which are what they are: HAPI in R4 and R5, and one that shares no code with it."""

from collections.abc import Iterator

import pytest
from lying_fhir import NOW, visits
from probing import EVERY, findings_at

from fhirnotify.harness.probing.finding import Behaviour, Verdict
from fhirnotify.harness.seed import remove, seed

pytestmark = [
    pytest.mark.hapi,
    pytest.mark.parametrize("kept_server", ["sekmet", "hapi-r4", "hapi-r5"], indirect=True),
]

PREFIX = "probe-"
NOT_AS_ASKED = {
    "sekmet": {},
    "hapi-r4": {Behaviour.CONSENT_IDENTIFIER: Verdict.WARNING},
    "hapi-r5": {Behaviour.CONSENT_IDENTIFIER: Verdict.WARNING},
}
"""What is not ok on each server, as it is set up here."""
SAID = {
    "sekmet": {Behaviour.UNKNOWN_PARAMETER: "ignored", Behaviour.STRICT: "honoured"},
    "hapi-r4": {Behaviour.UNKNOWN_PARAMETER: "refused", Behaviour.PAGE_SIZE: "25 at most, though 100"},
    "hapi-r5": {Behaviour.UNKNOWN_PARAMETER: "refused", Behaviour.VERSION: "5.0.0"},
}


@pytest.fixture
def seeded(kept_server) -> Iterator:
    """Put thirty visits on the server, and take them away."""
    made = visits(30, PREFIX, kept_server.version)
    seed(kept_server.base_url, made)
    yield kept_server
    remove(kept_server.base_url, made)


def test_the_probe_knows_a_real_server(seeded):
    """Every behaviour is seen, by date and beside a location; what HAPI lacks is told and nothing else."""
    for how in ({}, {"appointments": "by-location", "locations": f"{PREFIX}l"}):
        found = findings_at(seeded.base_url, NOW, **how)
        expected = dict.fromkeys(EVERY, Verdict.OK) | NOT_AS_ASKED[seeded.name]
        assert {each.name: each.verdict for each in found.values()} == expected
        for name, says in SAID[seeded.name].items():
            assert says in found[name].found
        assert "the ETag agrees" in found[Behaviour.VERSIONS].found
        assert "finds" in found[Behaviour.BY_PATIENT].found
