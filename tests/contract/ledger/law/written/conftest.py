"""Reminders of which the journal system is to be told, and the telling."""

from datetime import timedelta

import pytest

from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.written_sql import SqlWrittenBack

PROVIDER = "46elks/0123456789ab"
STEPS = {
    State.CLAIMED: (),
    State.SENDING: (State.SENDING,),
    State.ACCEPTED: (State.SENDING, State.ACCEPTED),
    State.DELIVERED: (State.SENDING, State.ACCEPTED, State.DELIVERED),
    State.UNDELIVERED: (State.SENDING, State.ACCEPTED, State.UNDELIVERED),
    State.REJECTED: (State.SENDING, State.REJECTED),
    State.RETRY: (State.SENDING, State.RETRY),
    State.UNCERTAIN: (State.SENDING, State.UNCERTAIN),
    State.WITHDRAWN: (State.SENDING, State.RETRY, State.WITHDRAWN),
    State.EXPIRED: (State.SENDING, State.RETRY, State.EXPIRED),
}


@pytest.fixture
def backlog(database, clock):
    """What the ledger knows of write-back."""
    return SqlWrittenBack(database, clock)


@pytest.fixture
def bring(ledger, claim_of, now):
    """Bring the reminder of visit a<n> to a state, by way of a provider, and give it."""

    def to(state, n=1, *, provider=PROVIDER, at=now):
        if not (found := ledger.of_appointments([f"a{n}"])):
            assert ledger.claim("r1", now, [claim_of(n)], []) == [True]
            found = ledger.of_appointments([f"a{n}"])
        (reminder,) = found
        for step in STEPS[state]:
            if step is State.SENDING:
                taken = [each.id for each in ledger.take("r1", now + timedelta(days=1), 9999)]
                ledger.release("r1", [each for each in taken if each != reminder.id])
            assert not ledger.move("r1", at, [Change(reminder.id, step, provider=provider)])
        return ledger.of_ids([reminder.id])[0]

    return to


@pytest.fixture
def tell(backlog, now):
    """Tell everything, with a code for what is in vain; give what was told of each visit."""

    def work(code=None, at=now):
        said = {}
        for notices in backlog.to_tell(at):
            backlog.told(dict.fromkeys(notices, code))
            said |= {notice.appointment: notice for notice in notices}
        return said

    return work
