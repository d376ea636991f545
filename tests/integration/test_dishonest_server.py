"""A FHIR server that ignores what it is asked for: its answer is held against the question."""

import json
from datetime import datetime, timedelta

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.resources import CONSENT_CODE, appointment, consent, patient
from fhirnotify.harness.scenarios.moments import LOCAL

NOW = datetime(2031, 5, 5, 10, tzinfo=LOCAL)
SOON = NOW + timedelta(hours=24)


def startless(identity: str, status: str = "booked") -> dict:
    """Build an Appointment for which no time is set."""
    made = appointment(FhirVersion.R4, identity, SOON, "p", status=status)
    return {key: value for key, value in made.items() if key not in {"start", "end"}}


RESOURCES = [
    patient("p", "+46701740605"),
    patient("other", "+46701740606"),
    consent(FhirVersion.R4, "c", "p"),
    appointment(FhirVersion.R4, "wanted", SOON, "p"),
    appointment(FhirVersion.R4, "cancelled", SOON, "p", status="cancelled"),
    startless("startless"),
    startless("startless-cancelled", "cancelled"),
    appointment(FhirVersion.R4, "past", NOW - timedelta(hours=1), "p"),
    appointment(FhirVersion.R4, "far", NOW + timedelta(hours=49), "p"),
    appointment(FhirVersion.R4, "of-other", SOON, "other"),
]
"""Only ``p`` has consented; a server that ignores ``patient`` gives that Consent when asked for the other's, too."""


def answer(request: Request) -> Reply:
    """Give everything of the type asked for, whatever the parameters."""
    kind = request.path.split("/")[1]
    if kind == "metadata":
        found = {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1", "kind": "instance"}
    else:
        matches = [resource for resource in RESOURCES if resource["resourceType"] == kind]
        entries = [{"resource": resource, "search": {"mode": "match"}} for resource in matches]
        found = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
    return Reply(200, json.dumps(found).encode(), {"Content-Type": "application/fhir+json"})


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Run the command once against such a server."""
    from fhirnotify.harness.installation import Installation

    installation = Installation(tmp_path_factory.mktemp("dishonest"))
    with LoopbackServer(answer) as server:
        installation.configure({"fhir": {"base_url": server.base_url}, "consent": {"codes": [CONSENT_CODE]}})
        done = installation.run(NOW)
    assert done.exit_code == 0, done.log
    return {row["appointment"]: row for row in done.rows}, installation.outbox()


@pytest.mark.parametrize(
    ("identity", "decision", "reason"),
    [
        ("wanted", "remind", None),
        ("cancelled", "skip", "not-booked"),
        ("startless", "skip", "no-start"),
        ("startless-cancelled", "skip", "not-booked"),
        ("of-other", "skip", "no-consent"),
    ],
)
def test_what_comes_against_the_filter_is_named(rows, identity, decision, reason):
    """Not booked or without a start: a named reason; and nobody is reminded by another's Consent."""
    row = rows[0][identity]
    assert (row["decision"], row["reason"]) == (decision, reason)


def test_what_lies_outside_the_window_is_ignored(rows):
    """Neither what is over nor what is far off is spoken of, and one text is sent."""
    said, outbox = rows
    assert said.keys() == {"wanted", "cancelled", "startless", "startless-cancelled", "of-other"}
    assert [message["to"] for message in outbox] == ["+46701740605"]
