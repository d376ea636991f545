"""The statements on reminders and transitions, each made once: building one takes longer than running it.

``FOR UPDATE`` locks rows that are about to be changed. SQLAlchemy leaves it out for SQLite: there the whole
transaction was begun for writing (``BEGIN IMMEDIATE``), so nobody else writes meanwhile.
"""

from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, exists, or_, select, text, tuple_, update

from fhirnotify.ledger import tables
from fhirnotify.ledger.port import ACCEPTED_STATES, IN_DOUBT, State

_c = tables.reminder.c

COLUMNS = (
    _c.id,
    _c.appointment,
    _c.patient,
    _c.start,
    _c.kind,
    _c.state,
    _c.contact_type,
    _c.evidence,
    _c.segments,
    _c.run,
    _c.provider,
    _c.message_id,
    _c.attempts,
    _c.sending_since,
    _c.next_attempt,
    _c.code,
    _c.unit,
)
"""The columns that are part of a reminder; the others are the ledger's own."""

CHANGING = (
    "state",
    "contact_type",
    "evidence",
    "segments",
    "run",
    "provider",
    "message_id",
    "attempts",
    "sending_since",
    "next_attempt",
    "code",
    "unit",
    "lease_run",
    "lease_until",
    "updated",
)
"""The columns that a change of state writes."""

IDENTITY = ("appointment", "patient", "start", "kind")

_IN_ORDER = (_c.start, _c.appointment, _c.patient)
_OF_IDS = _c.id.in_(bindparam("ids", expanding=True))
_OF_APPOINTMENTS = _c.appointment.in_(bindparam("appointments", expanding=True))
_reminders: Select[Any] = select(*COLUMNS)

OF_APPOINTMENTS = _reminders.where(_OF_APPOINTMENTS).order_by(*_IN_ORDER)

OF_PATIENTS = _reminders.where(
    _c.patient.in_(bindparam("patients", expanding=True)),
    _c.start.between(bindparam("first"), bindparam("last")),
).order_by(*_IN_ORDER)

MESSAGE_IDS = select(_c.message_id).where(
    text("message_id IS NOT NULL"), _c.sending_since.between(bindparam("since"), bindparam("until"))
)

UNIDENTIFIED = _reminders.where(
    or_(
        _c.state.in_([state.value for state in IN_DOUBT]),
        and_(_c.state.in_([state.value for state in ACCEPTED_STATES]), _c.message_id.is_(None)),
    ),
    _c.provider == bindparam("account"),
    _c.sending_since.between(bindparam("since"), bindparam("until")),
)

BEGUN = _reminders.where(_c.state == State.SENDING.value).order_by(_c.start, _c.id).with_for_update()

BEGUN_AND_LEFT = (
    _reminders.where(
        text("lease_run IS NOT NULL"), _c.state == State.SENDING.value, _c.lease_until <= bindparam("real_time")
    )
    .order_by(_c.start, _c.id)
    .with_for_update(skip_locked=True)
)
"""What a run that others take for dead was sending. What is locked just now belongs to one that lives."""

_PAGE = _reminders.where(_c.state == bindparam("in_state")).order_by(_c.start, _c.id).limit(bindparam("limit"))


def page(*, of_run: bool, continued: bool) -> Select[Any]:
    """Give the statement for a page of the reminders in a state: of one run or of all, the first page or a later."""
    wanted = _PAGE.where(_c.run == bindparam("of_run")) if of_run else _PAGE
    if not continued:
        return wanted
    last = tuple_(bindparam("last_start", type_=_c.start.type), bindparam("last_id"))
    return wanted.where(tuple_(_c.start, _c.id) > last)


OF_IDS = _reminders.where(_OF_IDS)

EXISTING = select(_c.id).where(_OF_IDS)

WITHDRAWN = _reminders.where(_OF_APPOINTMENTS, _c.state == State.WITHDRAWN.value)
WITHDRAWN = WITHDRAWN.order_by(_c.id).with_for_update()

TO_CHANGE = _reminders.add_columns(_c.lease_run, _c.lease_until).where(_OF_IDS).order_by(_c.id).with_for_update()
"""Rows are locked in one order everywhere, so that two machines never wait for each other in a circle."""

CHANGE = (
    update(tables.reminder)
    .where(_c.id == bindparam("the_id"), _c.state == bindparam("before"))
    .values({column: bindparam(f"new_{column}") for column in CHANGING})
)
"""Names the state that is left, so that nothing else is ever overwritten."""

RECORD = tables.transition.insert()

# Not "in claimed or retry", which is the same: SQLite would go through all of those instead of the few leased ones.
_NOT_BEGUN = _c.state != State.SENDING.value

_IS_DUE = (_c.state == State.CLAIMED.value) | _c.next_attempt.is_(None) | (_c.next_attempt <= bindparam("at"))
_due = _reminders.where(_IS_DUE).order_by(*_IN_ORDER).limit(bindparam("limit")).with_for_update(skip_locked=True)

DUE = _due.where(text(tables.TAKEABLE))

DUE_AFTER_LEASE = _due.where(
    text("lease_run IS NOT NULL"),
    _NOT_BEGUN,
    _c.lease_until <= bindparam("real_time"),
    _c.lease_run != bindparam("holder"),
)
"""What another run has taken, not begun, and held for longer than it may. Apart from DUE, for the sake of indexes."""

UNDERWAY = (
    _reminders.where(text(tables.UNDERWAY), _c.next_attempt <= bindparam("due"))
    .order_by(_c.next_attempt, _c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
"""What the provider is to be asked about; what is locked just now another run takes, or changes."""

PUT_OFF = (
    update(tables.reminder)
    .where(_c.id == bindparam("the_id"), _c.state == State.ACCEPTED.value)
    .values(next_attempt=bindparam("until"))
)

BRING_FORWARD = (
    update(tables.reminder)
    .where(_c.state == State.RETRY.value, _c.next_attempt > bindparam("never_ahead"))
    .values(next_attempt=bindparam("at"))
)

LEASE = update(tables.reminder).where(_OF_IDS).values(lease_run=bindparam("holder"), lease_until=bindparam("until"))

RENEW = (
    update(tables.reminder)
    .where(text("lease_run IS NOT NULL"), _c.lease_run == bindparam("holder"), _c.lease_until > bindparam("real_time"))
    .values(lease_until=bindparam("until"))
)

HELD = select(_c.id).where(_OF_IDS, _c.lease_run != bindparam("holder"), _c.lease_until > bindparam("real_time"))

_claim, _other = tables.transition.alias("claim"), tables.transition.alias("other")
_BY_RUN: BindParameter[str] = bindparam("claimed_by")
_CLAIMED_BY = (
    select(_claim.c.reminder)
    .where(text("claim.to_state = 'claimed'"), _claim.c.run == _BY_RUN, _claim.c.reminder > bindparam("last_id"))
    .where(
        ~exists().where(
            _other.c.reminder == _claim.c.reminder, _other.c.run == _BY_RUN, _other.c.to_state != State.CLAIMED.value
        )
    )
    .distinct()
    .order_by(_claim.c.reminder)
    .limit(bindparam("limit"))
)

UNTOUCHED = _reminders.where(_c.id.in_(_CLAIMED_BY)).order_by(_c.id)

LEASED_BY = select(_c.id).where(_OF_IDS, _c.lease_run == bindparam("holder")).order_by(_c.id).with_for_update()

END_ALL_LEASES = (
    update(tables.reminder).where(text("lease_run IS NOT NULL"), _NOT_BEGUN).values(lease_run=None, lease_until=None)
)

END_LEASES_OF = END_ALL_LEASES.where(_c.lease_run == bindparam("holder"))
