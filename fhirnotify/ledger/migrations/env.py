"""What Alembic runs for each command: on the connection, and in the transaction, that the caller brings."""

from alembic import context

from fhirnotify.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
