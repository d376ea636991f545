# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""What following up needs: to find what the provider is to be asked about. What is accepted already is asked about."""

import sqlalchemy as sa
from alembic import op

revision = "fhirnotify_0003"
down_revision = "fhirnotify_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index; let everything that is accepted be asked about at once."""
    where = sa.text("coalesce(state, '') = 'accepted' AND next_attempt IS NOT NULL")
    op.create_index(
        "ix_reminder_underway", "reminder", ["next_attempt", "id"], sqlite_where=where, postgresql_where=where
    )
    op.execute("UPDATE reminder SET next_attempt = sending_since WHERE state = 'accepted'")
