"""An overlay reads from one ledger and writes to another: for ``plan`` and for quiet hours."""

from datetime import timedelta

import pytest

from fhirnotify.core.model import Coding
from fhirnotify.errors import LedgerError
from fhirnotify.ledger.memory import MemoryLedger
from fhirnotify.ledger.overlay import Overlay
from fhirnotify.ledger.port import Change, State, Unmapped
from fhirnotify.ledger.sql import SqlLedger

CODE = Coding("http://snomed.info/sct", "1")


@pytest.fixture
def base_url(tmp_path, claim_of, verdict_of, now):
    """A ledger with one reminder accepted, one claimed, one withdrawn, and a verdict on each of two others."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = SqlLedger(url)
    ledger.begin("r1", now)
    ledger.claim("r1", now, [claim_of(n, hours=10 + n) for n in range(3)], [verdict_of(8), _unmapped(verdict_of)])
    accepted, _, withdrawn = ledger.of_appointments(["a0", "a1", "a2"])
    ledger.take("r1", now, 1)
    ledger.move("r1", now, [Change(accepted.id, State.SENDING)])
    ledger.move("r1", now, [Change(accepted.id, State.ACCEPTED, message_id="m0")])
    ledger.move("r1", now, [Change(withdrawn.id, State.WITHDRAWN, code="no-consent")])
    ledger.finish("r1", now, {})
    ledger.close()
    return url


def _unmapped(verdict_of):
    return verdict_of(9, "contact-type-unmapped", unmapped=(CODE,))


@pytest.fixture(params=["memory", "private"])
def scratch(request):
    """Each kind of scratch in turn."""
    return MemoryLedger() if request.param == "memory" else SqlLedger("sqlite://")


@pytest.fixture
def overlay(base_url, scratch):
    """An overlay on a base that refuses to be written."""
    base = SqlLedger(base_url, read_only=True)
    over = Overlay(base, scratch)
    yield over
    over.close()
    base.close()


def states(reminders):
    """Name reminders by appointment and state."""
    return [(each.appointment, each.state.value) for each in reminders]


def test_claims_what_stands_in_neither(overlay, claim_of, now):
    """What stands in the base is held; what is new or withdrawn is claimed, once."""
    claims = [claim_of(n, hours=10 + n) for n in range(4)]

    assert overlay.claim("plan", now, claims, []) == [False, False, True, True]
    assert overlay.claim("plan", now, claims, []) == [False] * 4


def test_reads_see_both(overlay, claim_of, now):
    """Reads give what stands in the base, and over it what was claimed here."""
    overlay.claim("plan", now, [claim_of(n, hours=10 + n) for n in (3, 2)], [])
    ids = [f"a{n}" for n in range(4)]
    both = [("a0", "accepted"), ("a1", "claimed"), ("a2", "claimed"), ("a3", "claimed")]

    assert states(overlay.of_appointments(ids)) == both
    starts = [now + timedelta(hours=10 + n) for n in range(4)]
    assert states(overlay.at_starts(starts, [f"p{n}" for n in range(4)])) == both
    assert states(overlay.in_state(State.CLAIMED)) == both[1:]
    assert states(overlay.in_state(State.CLAIMED, "plan")) == both[2:]
    assert states(overlay.in_state(State.WITHDRAWN)) == []


def test_withdrawn_in_the_base_is_seen_until_claimed_over(overlay):
    """A reminder that the base holds as withdrawn is seen so while nothing was claimed over it."""
    assert states(overlay.in_state(State.WITHDRAWN)) == [("a2", "withdrawn")]


def test_transitions_of_either(overlay, claim_of, now):
    """What happened to a reminder is told, wherever it stands."""
    overlay.claim("plan", now, [claim_of(3)], [])
    old, new = overlay.of_appointments(["a0", "a3"])

    assert [each.to_state for each in overlay.transitions(old.id)] == [State.CLAIMED, State.SENDING, State.ACCEPTED]
    assert [each.run for each in overlay.transitions(new.id)] == ["plan"]


def test_only_what_was_claimed_here_is_taken_and_moved(overlay, claim_of, now):
    """What the base holds is neither taken for sending nor moved."""
    overlay.begin("plan", now)
    overlay.claim("plan", now, [claim_of(3), claim_of(4)], [])
    (of_base,) = overlay.of_appointments(["a1"])

    taken = overlay.take("plan", now, 9)

    assert states(taken) == [("a3", "claimed"), ("a4", "claimed")]
    overlay.move("plan", now, [Change(taken[0].id, State.WITHDRAWN)])
    overlay.release("plan", [taken[1].id])
    with pytest.raises(LedgerError):
        overlay.move("plan", now, [Change(of_base.id, State.WITHDRAWN)])
    overlay.finish("plan", now, {})
    assert states(overlay.of_appointments(["a1", "a3", "a4"])) == [
        ("a1", "claimed"),
        ("a3", "withdrawn"),
        ("a4", "claimed"),
    ]


def test_verdicts_over_those_of_the_base(overlay, verdict_of, now):
    """A verdict of this plan is seen in place of the base's; those of other appointments stay."""
    overlay.claim("plan", now, [], [verdict_of(8, "consent-denied")])

    assert [kept.verdict.reason for kept in overlay.verdicts("a8")] == ["consent-denied"]
    assert [kept.verdict.reason for kept in overlay.verdicts("a9")] == ["contact-type-unmapped"]


def test_codes_are_not_counted_twice(overlay, verdict_of, now):
    """A code counts again only for a verdict that the base does not hold already."""
    later = now + timedelta(hours=1)
    overlay.claim("plan", later, [], [_unmapped(verdict_of)])
    assert overlay.unmapped() == [Unmapped(CODE, 1, now)]

    overlay.claim("plan", later, [], [verdict_of(7, "contact-type-unmapped", unmapped=(CODE, Coding(None, "x")))])

    assert overlay.unmapped() == [Unmapped(CODE, 2, later), Unmapped(Coding(None, "x"), 1, later)]


def test_message_ids_of_both(overlay, claim_of, now):
    """The provider's ids are those of both."""
    overlay.claim("plan", now, [claim_of(3)], [])
    (new,) = overlay.take("plan", now, 1)
    overlay.move("plan", now, [Change(new.id, State.SENDING), Change(new.id, State.ACCEPTED, message_id="m3")])

    assert overlay.message_ids(now - timedelta(days=9999), now + timedelta(days=99999)) == {"m0", "m3"}


def test_what_nobody_knows_the_id_of_in_both(overlay, claim_of, now):
    """What was begun here counts with what the base holds."""
    overlay.claim("plan", now, [claim_of(3)], [])
    (new,) = overlay.take("plan", now, 1)
    overlay.move("plan", now, [Change(new.id, State.SENDING, provider="46elks/1")])

    always = (now - timedelta(days=9999), now + timedelta(days=99999))
    assert [each.id for each in overlay.unidentified("46elks/1", *always)] == [new.id]


def test_without_a_base(scratch, claim_of, verdict_of, now):
    """Before the first run there is no base, and everything is new."""
    overlay = Overlay(None, scratch)

    assert overlay.claim("plan", now, [claim_of(1)], [_unmapped(verdict_of)]) == [True]

    assert states(overlay.of_appointments(["a1"])) == [("a1", "claimed")]
    assert states(overlay.in_state(State.CLAIMED)) == [("a1", "claimed")]
    assert overlay.unmapped() == [Unmapped(CODE, 1, now)]
    assert overlay.verdicts("a1") == []
    assert overlay.transitions("0" * 32) == []
    assert overlay.message_ids(now, now) == frozenset()
    overlay.close()


def test_over_a_run_at_work(base_url, scratch, claim_of, now):
    """In quiet hours the base is the ledger of the run itself, which goes on with it afterwards."""
    base = SqlLedger(base_url)
    base.begin("r2", now)
    overlay = Overlay(base, scratch)

    assert overlay.claim("r2", now, [claim_of(1, hours=11), claim_of(5)], []) == [False, True]
    overlay.close()

    assert base.of_appointments(["a5"]) == []
    base.finish("r2", now, {})
    base.close()
