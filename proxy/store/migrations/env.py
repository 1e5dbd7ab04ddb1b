"""What Alembic runs. The connection, and its transaction, are those of `proxy.store.database`."""

from alembic import context

from proxy.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite can alter a table only by making it anew
)
with context.begin_transaction():
    context.run_migrations()
