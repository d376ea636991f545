"""The audit: everything that was recorded in a period, in order, with who did it."""

from datetime import timedelta

import pytest

from fhirnotify.errors import SettingsError
from fhirnotify.ledger import acting, audit
from fhirnotify.ledger.audit import purged_before, records, see_that_it_is_over
from fhirnotify.ledger.port import State
from fhirnotify.ledger.subject import erase

HOUR = timedelta(hours=1)


def told(database, now, hours=1000):
    """What the export would say, in short."""
    return [
        (each["kind"], each.get("appointment"), each.get("reason") or each.get("to") or each.get("what"))
        for each in records(database, now, now + hours * HOUR)
    ]


def test_in_order(ledger, database, claim_of, verdict_of, now):
    """By time; at one moment decisions before what they led to; also those that others took the place of."""
    ledger.claim("r1", now, [claim_of(1)], [verdict_of(1, None, patient="p1"), verdict_of(2)])
    ledger.claim("r2", now + HOUR, [], [verdict_of(2, "consent-denied")])
    erase(database, "e", now + 2 * HOUR, "p9")
    erase(database, "e", now + 3 * HOUR, "p1")

    assert told(database, now) == [
        ("decision", "a2", "no-consent"),
        ("transition", "a1", "claimed"),
        ("decision", "a2", "consent-denied"),
        ("deletion", None, "erased"),
    ]


def test_who_what_and_why(ledger, database, reach, verdict_of, now, monkeypatch):
    """Each record says by which account, on which machine and in which process, about whom, what, and on what grounds."""
    monkeypatch.setattr(acting, "account", lambda: "reminders")
    reach(State.DELIVERED)
    ledger.claim("r1", now, [], [verdict_of(2, detail=("Patient.name",))])

    decision, *steps = records(database, now, now + HOUR)

    assert (decision["account"], decision["run"], decision["patient"], decision["reason"], decision["detail"]) == (
        "reminders",
        "r1",
        "p",
        "no-consent",
        ["Patient.name"],
    )
    assert decision["evidence"]["appointment"] == "Appointment/a2/_history/1"
    assert {(step["account"], step["appointment"], step["patient"]) for step in steps} == {("reminders", "a1", "p1")}
    assert [step["to"] for step in steps] == ["claimed", "sending", "accepted", "delivered"]
    assert all(step["host"] and step["pid"] for step in steps)


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_complete_whatever_the_page(ledger, database, claim_of, verdict_of, now, monkeypatch, page):
    """Nothing is lost or told twice between two pages, also where many things have one and the same moment."""
    for n in range(4):
        at = now + (n // 2) * HOUR
        ledger.claim(f"r{n}", at, [claim_of(n)], [verdict_of(m, f"reason-{n}") for m in range(3)])
    whole = list(records(database, now, now + 9 * HOUR))
    monkeypatch.setattr(audit, "_PAGE", page)

    assert list(records(database, now, now + 9 * HOUR)) == whole
    assert len(whole) == 4 + 12


def test_a_period_ends_where_the_next_begins(ledger, database, verdict_of, now):
    """What was at the very moment between two periods is in the later one, and in one alone."""
    ledger.claim("r1", now + HOUR, [], [verdict_of(1)])

    assert list(records(database, now, now + HOUR)) == []
    assert len(list(records(database, now + HOUR, now + 2 * HOUR))) == 1


def test_not_before_it_is_over(ledger, database, now):
    """What is still to come cannot be exported."""
    see_that_it_is_over(database, now, now)
    with pytest.raises(SettingsError, match="not over yet"):
        see_that_it_is_over(database, now + HOUR, now)


def test_not_beside_a_run_that_belongs_to_it(ledger, database, now):
    """A run records with the time at which it began: while it is at work, the period is not complete."""
    ledger.begin("r1", now)

    with pytest.raises(SettingsError, match="has not ended"):
        see_that_it_is_over(database, now + HOUR, now + 2 * HOUR)
    see_that_it_is_over(database, now, now + HOUR)  # it began later
    see_that_it_is_over(database, now + HOUR, now + 30 * HOUR)  # it must be dead

    ledger.finish("r1", now + HOUR, {})
    see_that_it_is_over(database, now + HOUR, now + 2 * HOUR)


def test_what_was_purged_is_told(database, now):
    """The latest moment before which visits have been purged is known."""
    assert purged_before(database) is None
    for day in ("2026-01-05", "2026-01-03"):
        detail = {"before": f"{day}T00:00:00Z", "deleted": {}, "complete": True}
        database.write(lambda each, detail=detail: acting.deed(each, "p", now, "purged", detail))

    assert purged_before(database).isoformat() == "2026-01-05T00:00:00+00:00"


def test_who_acts_is_recorded_whatever_the_command(ledger, rows, claim_of, reach, now):
    """Runs, following up, settling by a person: each id under which anything was changed has its actor."""
    ledger.begin("r1", now)
    reach(State.DELIVERED)
    ledger.claim("r3", now, [claim_of(5)], [])

    assert rows("SELECT DISTINCT run FROM transition WHERE run NOT IN (SELECT run FROM actor)") == []
    assert {run for (run,) in rows("SELECT run FROM actor")} == {"r1", "r3"}


@pytest.mark.parametrize(
    ("user", "sudo", "expected"),
    [
        (0, "tolvan", "root (tolvan)"),
        (0, None, "root"),
        (65534, "tolvan", "nobody"),
        (4_000_000_000, None, "4000000000"),
    ],
)
def test_account(monkeypatch, user, sudo, expected):
    """The account is the kernel's; who stands behind root is what sudo says; nobody else is believed."""
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.delenv("SUDO_USER", raising=False)
    if sudo:
        monkeypatch.setenv("SUDO_USER", sudo)

    assert acting.account() == expected
