"""The tables of the ledger, as SQLAlchemy Core knows them.

They hold resource ids and versions, instants, codes and states: no name, number, text or personal identity number.
A change here needs a migration in ``migrations/versions`` and its revision in ``REVISIONS``; a test holds that a
fresh schema equals a migrated one.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)

OURS = "fhirnotify_"
"""Every revision begins with this, so that ``alembic_version`` also tells whose database it is."""

REVISIONS = tuple(f"fhirnotify_{number:04}" for number in range(1, 7))
"""The revisions of the schema that this program knows, oldest first."""

HEAD = REVISIONS[-1]

TAKEABLE = "coalesce(state, '') IN ('claimed', 'retry') AND lease_run IS NULL"
"""What may be taken for sending, word for word the condition of an index, as SQLite wants it to use a partial one.

``coalesce`` is there so that SQLite does not take the index by state instead, and sort all that is claimed.
"""

UNDERWAY = "coalesce(state, '') = 'accepted' AND next_attempt IS NOT NULL"
"""What is to be followed up, word for word the condition of an index."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC with microseconds: ``timestamptz``, or in SQLite a text of fixed length that sorts by time."""

    impl = DateTime(timezone=True).with_variant(String(27), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401  # two databases' types
        """Write a moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes moments with a time zone only")
        value = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return value
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002  # the same
        """Read a moment back, in UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

reminder = Table(
    "reminder",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("appointment", String, nullable=False),
    Column("patient", String, nullable=False),
    Column("start", Instant, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("contact_type", String, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("run", String, nullable=False),
    Column("provider", String),
    Column("message_id", String),
    Column("attempts", Integer, nullable=False),
    Column("sending_since", Instant),
    Column("next_attempt", Instant),
    Column("code", String),
    Column("lease_run", String),
    Column("lease_until", Instant),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("unit", String),
    UniqueConstraint("appointment", "patient", "start", "kind"),
    Index("ix_reminder_patient", "patient", "start"),
    Index("ix_reminder_state", "state", "start", "id"),
    Index(
        "ix_reminder_takeable",
        "start",
        "appointment",
        "patient",
        sqlite_where=text(TAKEABLE),
        postgresql_where=text(TAKEABLE),
    ),
    Index(
        "ix_reminder_lease",
        "lease_until",
        sqlite_where=text("lease_run IS NOT NULL"),
        postgresql_where=text("lease_run IS NOT NULL"),
    ),
    Index(
        "ix_reminder_sent",
        "sending_since",
        sqlite_where=text("message_id IS NOT NULL"),
        postgresql_where=text("message_id IS NOT NULL"),
    ),
    Index("ix_reminder_underway", "next_attempt", "id", sqlite_where=text(UNDERWAY), postgresql_where=text(UNDERWAY)),
    Index("ix_reminder_report", "unit", "contact_type", "state", "start", "sending_since"),
    Index("ix_reminder_outcome", "contact_type", "state", "start", "appointment"),
)

transition = Table(
    "transition",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("reminder", ForeignKey("reminder.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("run", String, nullable=False),
    Column("from_state", String),
    Column("to_state", String, nullable=False),
    Column("code", String),
    Index("ix_transition_reminder", "reminder"),
    Index("ix_transition_at", "at", "id"),
    Index(
        "ix_transition_claimed",
        "run",
        "reminder",
        sqlite_where=text("to_state = 'claimed'"),
        postgresql_where=text("to_state = 'claimed'"),
    ),
)


def _decided() -> list[Column[Any]]:
    """Give the columns of what was decided, now or in the past."""
    return [
        Column("start", Instant),
        Column("reason", String),
        Column("contact_type", String),
        Column("evidence", JSON, nullable=False),
        Column("detail", JSON, nullable=False),
        Column("unmapped", JSON, nullable=False),
        Column("decided", Instant, nullable=False),
        Column("run", String, nullable=False),
        Column("unit", String),
    ]


decision = Table(
    "decision",
    metadata,
    Column("appointment", String, primary_key=True),
    Column("patient", String, primary_key=True),
    *_decided(),
    Index("ix_decision_decided", "decided", "appointment", "patient"),
    Index("ix_decision_patient", "patient"),
    Index(
        "ix_decision_report",
        "start",
        "reason",
        "unit",
        "contact_type",
        "patient",
        "appointment",
        sqlite_where=text("reason IS NOT NULL"),
        postgresql_where=text("reason IS NOT NULL"),
    ),
)

unmapped = Table(
    "unmapped",
    metadata,
    Column("system", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_seen", Instant, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("begun", Instant, nullable=False),
    Column("finished", Instant),
    Column("summary", JSON(none_as_null=True)),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
)

pace = Table(
    "pace",
    metadata,
    Column("account", String, primary_key=True),
    Column("free_from", Instant, nullable=False),
)
"""From when on each provider's account may be spoken to: what is before has been given to some run."""

outcome = Table(
    "outcome",
    metadata,
    Column("appointment", String, primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("status", String, nullable=False),
    Column("read_at", Instant, nullable=False),
    sqlite_with_rowid=False,  # found by its key alone, a million times in a report: https://sqlite.org/withoutrowid.html
)
"""What had become of an appointment after the visit: its status when it was last read, at the start it then had."""

write_back = Table(
    "write_back",
    metadata,
    Column("reminder", ForeignKey("reminder.id", ondelete="CASCADE"), primary_key=True),
    Column("written", String),
    Column("at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("code", String),
)
"""What the journal system has been told of a reminder: the ``Told`` that was written last (None: nothing yet), when it
was last tried, how often in a row in vain, and why it failed the last time."""

past_decision = Table(
    "past_decision",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("appointment", String, nullable=False),
    Column("patient", String, nullable=False),
    *_decided(),
    Index("ix_past_decision_decided", "decided", "appointment", "patient"),
    Index("ix_past_decision_patient", "patient"),
)
"""What had been decided until another decision took its place."""

actor = Table(
    "actor",
    metadata,
    Column("run", String, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("account", String),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
)
"""Whose process it was that changed anything under the id of a run; no account for what is older than this table."""

deed = Table(
    "deed",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("run", String, nullable=False),
    Column("what", String, nullable=False),
    Column("detail", JSON, nullable=False),
)
"""What was done to the ledger as a whole, and when: deleted by retention, or for a patient, of whom nothing is said;
or that the outcomes of visits were read, and how many."""

to_erase = Table(
    "to_erase",
    metadata,
    Column("reminder", ForeignKey("reminder.id", ondelete="CASCADE"), primary_key=True),
    Column("since", Instant, nullable=False),
)
"""What is to be deleted as soon as the visit is past: until then it keeps a second reminder from being sent."""

tally = Table(
    "tally",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("unit", String, primary_key=True),
    Column("contact_type", String, primary_key=True),
    Column("result", String, primary_key=True),
    Column("became", String, primary_key=True),
    Column("count", Integer, nullable=False),
)
"""How many of what was purged: by local day and unit of the visit, what was done (a state, or a reason) and became."""
