# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""What the comparison of outcomes needs: an index of reminders, and outcomes that are found at once."""

import sqlalchemy as sa
from alembic import op

revision = "fhirnotify_0006"
down_revision = "fhirnotify_0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add the index. In SQLite the outcomes are moved to a table that is ordered by its key; none is changed."""
    op.create_index("ix_reminder_outcome", "reminder", ["contact_type", "state", "start", "appointment"])
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("outcome", "outcome_before")
    op.create_table(
        "outcome",
        sa.Column("appointment", sa.String, nullable=False),
        sa.Column("start", INSTANT, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("read_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("appointment", "start", name="pk_outcome"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO outcome SELECT appointment, start, status, read_at FROM outcome_before")
    op.drop_table("outcome_before")
