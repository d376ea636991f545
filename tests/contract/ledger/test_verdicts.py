"""Verdicts and codes without a mapping: kept and counted when something is new."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.ledger.port import KeptVerdict, Unmapped

SNOMED = Coding("http://snomed.info/sct", "1")
LOCAL = Coding(None, "besök-å")


def test_kept_as_it_was_reached(ledger, verdict_of, now):
    """A verdict is given back whole, with when it was reached and by which run."""
    verdict = verdict_of(1, "contact-type-unmapped", detail=("x", "y"), unmapped=(SNOMED, LOCAL))

    ledger.claim("r1", now, [], [verdict])

    assert ledger.verdicts("a1") == [KeptVerdict(verdict, now, "r1")]
    assert ledger.verdicts("a2") == []


def test_same_verdict_keeps_its_first_time(ledger, verdict_of, now):
    """A verdict that is reached again, unchanged, is not written again."""
    ledger.claim("r1", now, [], [verdict_of(1)])
    ledger.claim("r2", now + timedelta(hours=1), [], [verdict_of(1)])

    (kept,) = ledger.verdicts("a1")
    assert (kept.decided, kept.run) == (now, "r1")


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "consent-denied"},
        {"reason": None},
        {"contact_type": ContactType.VIDEO},
        {"start": None},
        {"evidence": Evidence("Appointment/a1/_history/2")},
        {"evidence": Evidence("Appointment/a1/_history/1", consent=("Consent/c/_history/1",))},
        {"detail": ("Appointment.start",)},
        {"unmapped": (SNOMED,)},
        {"unit": "Location/101"},
    ],
)
def test_any_difference_is_kept(ledger, verdict_of, now, change):
    """A verdict that differs in anything replaces the last one."""
    later = now + timedelta(hours=1)
    changed = replace(verdict_of(1), **change)
    ledger.claim("r1", now, [], [verdict_of(1)])

    ledger.claim("r2", later, [], [changed])

    assert ledger.verdicts("a1") == [KeptVerdict(changed, later, "r2")]


def test_one_for_each_patient(ledger, verdict_of, now):
    """Each patient of an appointment has a verdict, and so has nobody, where no patient could be named."""
    of_nobody, of_q, of_p = (verdict_of(1, patient=patient) for patient in (None, "q", "p"))

    ledger.claim("r1", now, [], [of_q, of_nobody, of_p])

    assert [kept.verdict for kept in ledger.verdicts("a1")] == [of_nobody, of_p, of_q]


def test_twice_in_one_page(ledger, verdict_of, now):
    """Of two verdicts on one patient in a page the last stands."""
    ledger.claim("r1", now, [], [verdict_of(1), verdict_of(1, "consent-denied")])

    assert [kept.verdict.reason for kept in ledger.verdicts("a1")] == ["consent-denied"]


def test_unmapped_is_counted_when_the_verdict_is_new(ledger, verdict_of, now):
    """A code counts once for each verdict that is new or has changed, not once a run."""
    later = now + timedelta(hours=1)
    ledger.claim("r1", now, [], [verdict_of(1, unmapped=(SNOMED, LOCAL)), verdict_of(2, unmapped=(LOCAL,))])
    ledger.claim("r2", later, [], [verdict_of(1, unmapped=(SNOMED, LOCAL)), verdict_of(2, unmapped=(LOCAL,))])
    assert ledger.unmapped() == [Unmapped(LOCAL, 2, now), Unmapped(SNOMED, 1, now)]

    ledger.claim("r3", later, [], [verdict_of(1, version=2, unmapped=(SNOMED,))])

    assert ledger.unmapped() == [Unmapped(LOCAL, 2, now), Unmapped(SNOMED, 2, later)]


def test_unmapped_most_frequent_first(ledger, verdict_of, now):
    """Codes come by how often they were seen; equals by system and code."""
    codes = [Coding("b", "1"), Coding("a", "2"), Coding("a", "1")]
    ledger.claim("r1", now, [], [verdict_of(n, unmapped=tuple(codes[: n + 1])) for n in range(3)])

    assert [(str(each.coding), each.count) for each in ledger.unmapped()] == [("b|1", 3), ("a|2", 2), ("a|1", 1)]


def test_claims_and_verdicts_in_one_call(ledger, claim_of, verdict_of, now):
    """A page's claims and verdicts are kept together, however many there are."""
    claims, verdicts = [claim_of(n) for n in range(700)], [verdict_of(n) for n in range(700)]

    assert ledger.claim("r1", now, claims, verdicts) == [True] * 700

    assert all(ledger.verdicts(f"a{n}")[0].verdict == verdicts[n] for n in (0, 350, 699))
