"""The state machine of a reminder, and what holds of it when several machines share a ledger.

                    ┌──────────── re-check says no ──────────► withdrawn ──► claimed  (decided anew: remind)
                    │
     (none) ──► claimed ──► sending ──► accepted ──► delivered | undelivered
                 │   ▲        │  │ │
      past latest│   └────────┘  │ └──► rejected
                 ▼  account fault│
              expired            ├────► retry ──► sending | withdrawn | expired
                                 │
                                 └────► uncertain ──► accepted | retry | rejected

    claimed      decided and committed; nobody has begun to send it
    sending      a request to the provider may be in flight
    accepted     the provider has it; delivered, undelivered: what became of it
    rejected     the provider refuses it for good
    retry        certainly not sent; to be tried again at ``next_attempt``: at once, if by another provider
    uncertain    it may have been sent; never sent again unless the provider, or a person, is sure that it was not
    withdrawn    not sent, since the re-check said no; may be claimed anew if a later scan says yes
    expired      not sent in time

What has been accepted is followed up: the provider is asked what became of it, again and again, until it says something
final, or will never tell, or can tell no more. The last two change no state: it stays ``accepted``, with a change from
``accepted`` to ``accepted`` whose code says so, and nobody asks any more.

What stays ``uncertain`` a person settles who has asked the provider in another way: ``accepted`` or ``retry`` (and
``expired`` at once, if it is too late), with a code that says so and who it was.

A code is one word of ours, as below, or the provider's; or a word of ours, a blank, and the provider's or the person's.

Several machines may share a ledger. What a run has taken is its own while its lease lasts, by the clock of the ledger,
and it keeps the lease up while it works. A machine may freeze, or be cut off, for longer than that at any point, and
then go on as if nothing had happened; meanwhile others take over. What holds, at every point where it may wake up:

    taken, not begun     another may have taken it. It is not moved to ``sending`` without a lease of its own that
                         lasts: the change is not made, and the run goes on with what it still has.
    sending committed,   another has made it ``uncertain``. Before the request is written the courier sees that too
    nothing written yet  much time has gone by, and gives it back: ``uncertain`` → ``retry``, since it is certain.
    request written      another has made it ``uncertain``; it may have asked the provider, and have begun to send
                         anew. What the run learns is about its own attempt, which every change names. Of an attempt
                         that is still the last one, the outcome is the truth: ``uncertain`` → accepted, rejected,
                         retry. Of an earlier one only that it was accepted: then the reminder is accepted, from
                         whatever state, so that nobody sends it again; refusals and doubts of an earlier attempt
                         say nothing any more, and the change is not made.
    provider asked       another has asked as well, and acted on the answer: the same rule, since a finding, too, is
                         about one attempt.

What is left: between the courier's look at the clock and the last byte of the request a machine can still freeze, and
wake up when another has found that the provider never took the message, and has sent it. That takes a stop of minutes
within some milliseconds. Should both be accepted, the second is recorded with the code ``sent-twice``, which ``ledger
check`` finds. Nor can a machine see a stop in which its own clocks stood still, as those of a virtual machine may that
is suspended. Only a provider that knows a message by an id of ours can close this, and only where the repeat goes to
the same account.
"""

from datetime import timedelta
from enum import StrEnum

LONGEST_RETRY = timedelta(minutes=15)
"""How far ahead the next attempt of a ``retry`` is put at most, by the run's clock."""

RUN_DIED = "run-died"
"""The code of the change from ``sending`` to ``uncertain`` of what a dead run left behind."""

SENT_TWICE = "sent-twice"
"""The code of a change that changes no state: a second message was accepted for what had been accepted already."""


EXPIRED_UNKNOWN = "expired-unknown"
"""The code of the change that ends the asking: the time has passed in which the provider can tell what became of it."""

NO_REPORT = "no-report"
"""The code of the change that ends the asking: the provider will never tell what became of it."""

ENDS = frozenset({EXPIRED_UNKNOWN, NO_REPORT})

DEAD_NUMBER = "dead-number"
"""Stands before the provider's code of what is undelivered because no message will ever come to this number."""

SETTLED_SENT = "settled-sent"
"""Stands before the name of the person who found out that an uncertain message was sent."""

SETTLED_NOT_SENT = "settled-not-sent"
"""Stands before the name of the person who found out that it was not."""


def word(code: str | None) -> str:
    """Give the first word of a code: ours, where it has one of ours; empty where there is no code."""
    return (code or "").partition(" ")[0]


class State(StrEnum):
    """The states of a reminder."""

    CLAIMED = "claimed"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    RETRY = "retry"
    UNCERTAIN = "uncertain"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


EDGES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.CLAIMED, State.SENDING),
        (State.CLAIMED, State.WITHDRAWN),
        (State.CLAIMED, State.EXPIRED),
        (State.SENDING, State.ACCEPTED),
        (State.SENDING, State.REJECTED),
        (State.SENDING, State.RETRY),
        (State.SENDING, State.UNCERTAIN),
        (State.SENDING, State.CLAIMED),
        (State.ACCEPTED, State.DELIVERED),
        (State.ACCEPTED, State.UNDELIVERED),
        (State.RETRY, State.SENDING),
        (State.RETRY, State.WITHDRAWN),
        (State.RETRY, State.EXPIRED),
        (State.UNCERTAIN, State.ACCEPTED),
        (State.UNCERTAIN, State.RETRY),
        (State.UNCERTAIN, State.REJECTED),
        (State.WITHDRAWN, State.CLAIMED),
    }
)
"""Every change of state there is; any other is refused with ``LedgerError``, unless another run was there first."""

LATE_EDGES: frozenset[tuple[State, State]] = frozenset(
    (state, State.ACCEPTED) for state in (State.CLAIMED, State.RETRY, State.REJECTED, State.WITHDRAWN, State.EXPIRED)
)
"""What a run that had lost a reminder to another may still record: that the provider has taken it after all."""

IN_DOUBT = frozenset({State.SENDING, State.UNCERTAIN})
"""The states of what a provider may have taken."""

ACCEPTED_STATES = frozenset({State.ACCEPTED, State.DELIVERED, State.UNDELIVERED})
"""The states of what the provider has taken."""
