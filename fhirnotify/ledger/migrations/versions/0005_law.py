# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""What the law asks for: who acted, what was decided before, what was deleted, and the counts that outlive it."""

import sqlalchemy as sa
from alembic import op

revision = "fhirnotify_0005"
down_revision = "fhirnotify_0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBERED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add indexes and five tables. Of what earlier runs did, nobody knows by which account they did it."""
    op.create_index("ix_transition_at", "transition", ["at", "id"])
    op.create_index("ix_decision_decided", "decision", ["decided", "appointment", "patient"])
    op.create_index("ix_decision_patient", "decision", ["patient"])
    _past_decision()
    _tally()
    op.create_table(
        "actor",
        sa.Column("run", sa.String, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("account", sa.String),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("run", name="pk_actor"),
    )
    op.execute("INSERT INTO actor (run, since, account, host, pid) SELECT id, begun, NULL, host, pid FROM run")
    op.create_table(
        "deed",
        sa.Column("id", NUMBERED, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deed"),
    )
    op.create_table(
        "to_erase",
        sa.Column("reminder", sa.String(32), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("reminder", name="pk_to_erase"),
        sa.ForeignKeyConstraint(["reminder"], ["reminder.id"], name="fk_to_erase_reminder", ondelete="CASCADE"),
    )


def _past_decision() -> None:
    op.create_table(
        "past_decision",
        sa.Column("id", NUMBERED, nullable=False),
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
        sa.Column("unit", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_past_decision"),
    )
    op.create_index("ix_past_decision_decided", "past_decision", ["decided", "appointment", "patient"])
    op.create_index("ix_past_decision_patient", "past_decision", ["patient"])


def _tally() -> None:
    op.create_table(
        "tally",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("contact_type", sa.String, nullable=False),
        sa.Column("result", sa.String, nullable=False),
        sa.Column("became", sa.String, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", "unit", "contact_type", "result", "became", name="pk_tally"),
    )
