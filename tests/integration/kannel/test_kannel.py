"""A run of two hundred reminders through a real Kannel to an SMS centre that refuses, puts off and does not deliver."""

import json
import re
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from kannel_server import Chain, until
from smpp_centre import Verdict

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.installation import Finished, Installation
from fhirnotify.harness.resources import fictional_number, name
from fhirnotify.harness.scenarios.comparing import region_text
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.world import Visit, ordinary_world

pytestmark = pytest.mark.slow

NOW = datetime(2031, 9, 1, 10, tzinfo=LOCAL)
REMINDERS = 200

REFUSED = [fictional_number(each) for each in range(5)]
"""The centre refuses them; we do not learn of it."""
THROTTLED = [fictional_number(each) for each in range(5, 8)]
"""The centre puts their first two parts off; Kannel tries again."""
UNDELIVERED = [fictional_number(each) for each in range(10, 15)]
"""The centre takes them, and reports that they did not come; we do not learn of it."""
DENIED = [fictional_number(each) for each in range(15, 18)]
"""A list of Kannel's denies them, and we are told."""

NAMES = {7: ("Åsa-Örjan", "Åsa-Örjan"), 11: ("Éloïse", "Éloise"), 13: ("Ольга", "Ольга")}
"""First names of every so manieth patient, on record and in the text; the last makes UCS-2, in five parts."""


def first_name(ordinal: int) -> tuple[str, str]:
    """Give a patient's first name, as it is on record and as it is in the text."""
    return next((names for step, names in NAMES.items() if ordinal % step == 0), ("Tolvan", "Tolvan"))


@pytest.fixture
def behind(made) -> Chain:
    """Start a Kannel whose queue is short, with a centre that behaves in all ways."""
    denied = "|".join(number[1:] for number in DENIED)
    chain = made(log_level=2, core="sms-outgoing-queue-limit = 30", user=f'black-list-regex = "^.({denied})$"')
    for number in REFUSED:
        chain.centre.rule(number, then=Verdict.REFUSE)
    for number in THROTTLED:
        chain.centre.rule(number, Verdict.THROTTLE, Verdict.THROTTLE)
    for number in UNDELIVERED:
        chain.centre.rule(number, then=Verdict.UNDELIVERED)
    return chain


@pytest.fixture
def region(behind, tmp_path) -> tuple[Installation, dict[str, tuple[str, str]]]:
    """Make a job for two hundred visits; give it, and by visit the number and the text that must arrive."""
    world = ordinary_world(NOW, FhirVersion.R4, REMINDERS)
    names = {visit.patient: first_name(ordinal) for ordinal, visit in enumerate(world.visits)}
    (tmp_path / "journal").mkdir()
    with (tmp_path / "journal/world.ndjson").open("w", encoding="utf-8") as journal:
        for resource in world.resources:
            called = {"name": [name(names[resource["id"]][0])]} if resource["resourceType"] == "Patient" else {}
            journal.write(json.dumps(resource | called | {"meta": {"versionId": "1"}}) + "\n")
    (tmp_path / "job").mkdir()
    job = Installation(tmp_path / "job")
    job.configure(
        world.settings,
        {"fhir": {"base_url": f"file:{tmp_path / 'journal'}"}},
        {"sms": {"provider": "kannel", "rate": 1000, "timeout": "10s"}, "sms.kannel": behind.kannel.account},
    )
    return job, {visit.appointment: (visit.number, _text(visit, names[visit.patient][1])) for visit in world.visits}


def _text(visit: Visit, called: str) -> str:
    return region_text(called, visit.contact_type, visit.start)


def run_until_done(job: Installation) -> list[Finished]:
    """Run as the schedule would, until nothing waits to be tried again."""
    runs = [job.run(NOW)]
    while runs[-1].summary.get("pending") and len(runs) < 6:
        runs.append(job.run(NOW + timedelta(minutes=16 * len(runs))))
    return runs


def test_two_hundred_reminders(behind, region):
    """Each arrives once and as it was written, or is told as failed, or was lost where Kannel alone knows of it."""
    job, expected = region
    begun = time.monotonic()

    runs = run_until_done(job)

    took = time.monotonic() - begun
    outcomes: dict[str, str] = {}
    for run in runs:
        counted = ("skipped", "already", "sent", "pending", "uncertain", "failed")
        assert run.summary["considered"] == REMINDERS == sum(run.summary[each] for each in counted), run.log
        assert len({row["appointment"] for row in run.rows}) == len(run.rows) == REMINDERS
        outcomes |= {row["appointment"]: row["outcome"] for row in run.rows}
    by_outcome = Counter(outcomes.values())
    denied = {visit for visit, (number, _) in expected.items() if number in DENIED}
    assert {visit for visit, outcome in outcomes.items() if outcome == "rejected"} == denied
    assert by_outcome == {"accepted": REMINDERS - len(denied), "rejected": len(denied)}

    arriving = [(number, text) for number, text in expected.values() if number not in (*REFUSED, *DENIED)]
    arrived = behind.arrived(len(arriving))
    assert Counter((message.to, message.text) for message in arrived) == Counter(arriving)
    parts = Counter(message.parts for message in arrived)
    assert set(parts) == {2, 5}
    verdicts = Counter(part.verdict for part in behind.centre.parts)
    assert verdicts[Verdict.THROTTLE] == 2 * len(THROTTLED)

    refused = [number for number, _ in expected.values() if number in REFUSED]
    until(lambda: len(_traces(behind)) == by_outcome["accepted"], "a line for each in Kannel's access log")
    assert Counter(what for what, _ in _traces(behind)) == {"Sent": len(arriving), "REJECTED Send": len(refused)}
    assert len({reminder for _, reminder in _traces(behind)}) == by_outcome["accepted"]
    full = (behind.kannel.directory / "bearerbox.log").read_text("utf-8").count("queue full")
    assert full > 0, "Kannel never said that its queue is full"
    print(  # noqa: T201
        f"{took:.1f} s in {len(runs)} runs, {[run.summary['seconds'] for run in runs]}: {dict(by_outcome)}; put off by "
        f"Kannel {full} times, left for the second run {runs[0].summary['pending']}; parts at the centre: "
        f"{ {each.value: count for each, count in verdicts.items()} }; messages arrived by parts {dict(parts)}; "
        f"duplicates {len(arrived) - len(set(arriving))}"
    )


def _traces(chain: Chain) -> list[tuple[str, str]]:
    """Give what became of each message, and the reminder's id, as Kannel's access log has it for a person."""
    log = (chain.kannel.directory / "access.log").read_text("utf-8")
    return re.findall(r"^\S+ \S+ (.+) SMS \[SMSC:CENTRE\] \[ACT:([0-9a-f]{32})\]$", log, re.MULTILINE)
