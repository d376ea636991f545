# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""What several machines on one ledger need: who claimed what, and the pace that they keep together."""

import sqlalchemy as sa
from alembic import op

revision = "fhirnotify_0002"
down_revision = "fhirnotify_0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add an index and a table."""
    where = sa.text("to_state = 'claimed'")
    op.create_index(
        "ix_transition_claimed", "transition", ["run", "reminder"], sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "pace",
        sa.Column("account", sa.String, nullable=False),
        sa.Column("free_from", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_pace"),
    )
