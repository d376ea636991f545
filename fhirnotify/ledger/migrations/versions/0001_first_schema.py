# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""The first schema: reminders with their transitions, decisions, codes without a mapping, runs."""

import sqlalchemy as sa
from alembic import op

revision = "fhirnotify_0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _reminder()
    _transition()
    _decision()
    op.create_table(
        "unmapped",
        sa.Column("system", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_seen", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("system", "code", name="pk_unmapped"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("begun", INSTANT, nullable=False),
        sa.Column("finished", INSTANT),
        sa.Column("summary", sa.JSON),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )


def _reminder() -> None:
    op.create_table(
        "reminder",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("appointment", sa.String, nullable=False),
        sa.Column("patient", sa.String, nullable=False),
        sa.Column("start", INSTANT, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("contact_type", sa.String, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("provider", sa.String),
        sa.Column("message_id", sa.String),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sending_since", INSTANT),
        sa.Column("next_attempt", INSTANT),
        sa.Column("code", sa.String),
        sa.Column("lease_run", sa.String),
        sa.Column("lease_until", INSTANT),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("updated", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reminder"),
        sa.UniqueConstraint("appointment", "patient", "start", "kind", name="uq_reminder"),
    )
    op.create_index("ix_reminder_patient", "reminder", ["patient", "start"])
    op.create_index("ix_reminder_state", "reminder", ["state", "start", "id"])
    _index_where(
        "ix_reminder_takeable",
        ["start", "appointment", "patient"],
        "coalesce(state, '') IN ('claimed', 'retry') AND lease_run IS NULL",
    )
    _index_where("ix_reminder_lease", ["lease_until"], "lease_run IS NOT NULL")
    _index_where("ix_reminder_sent", ["sending_since"], "message_id IS NOT NULL")


def _index_where(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "reminder", columns, sqlite_where=where, postgresql_where=where)


def _transition() -> None:
    op.create_table(
        "transition",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("reminder", sa.String(32), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("from_state", sa.String),
        sa.Column("to_state", sa.String, nullable=False),
        sa.Column("code", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_transition"),
        sa.ForeignKeyConstraint(["reminder"], ["reminder.id"], name="fk_transition_reminder", ondelete="CASCADE"),
    )
    op.create_index("ix_transition_reminder", "transition", ["reminder"])


def _decision() -> None:
    op.create_table(
        "decision",
        sa.Column("appointment", sa.String, nullable=False),
        sa.Column("patient", sa.String, nullable=False),
        sa.Column("start", INSTANT),
        sa.Column("reason", sa.String),
        sa.Column("contact_type", sa.String),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("unmapped", sa.JSON, nullable=False),
        sa.Column("decided", INSTANT, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("appointment", "patient", name="pk_decision"),
    )
