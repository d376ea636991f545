# ruff: noqa: INP001  # Alembic reads this file by its path; the number shows the order
"""What the comparison of outcomes needs: an index by which reminders meet what became of their visits."""

from alembic import op

revision = "fhirnotify_0006"
down_revision = "fhirnotify_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; no row is changed."""
    op.create_index("ix_reminder_outcome", "reminder", ["contact_type", "state", "start", "appointment"])
