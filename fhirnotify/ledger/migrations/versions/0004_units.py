# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""What reports need: the unit of each visit, and what became of visits; and what was written back to the journal."""

import sqlalchemy as sa
from alembic import op

revision = "fhirnotify_0004"
down_revision = "fhirnotify_0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add two columns, which are empty for what was decided before, two indexes and two tables."""
    op.add_column("reminder", sa.Column("unit", sa.String))
    op.add_column("decision", sa.Column("unit", sa.String))
    op.create_index("ix_reminder_report", "reminder", ["unit", "contact_type", "state", "start", "sending_since"])
    where = sa.text("reason IS NOT NULL")
    columns = ["start", "reason", "unit", "contact_type", "patient", "appointment"]
    op.create_index("ix_decision_report", "decision", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "outcome",
        sa.Column("appointment", sa.String, nullable=False),
        sa.Column("start", INSTANT, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("read_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("appointment", "start", name="pk_outcome"),
    )
    op.create_table(
        "write_back",
        sa.Column("reminder", sa.String(32), nullable=False),
        sa.Column("written", sa.String),
        sa.Column("at", INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("code", sa.String),
        sa.PrimaryKeyConstraint("reminder", name="pk_write_back"),
        sa.ForeignKeyConstraint(["reminder"], ["reminder.id"], name="fk_write_back_reminder", ondelete="CASCADE"),
    )
