"""Alembic's way in: the connection is given by storage.migrate, which also holds the lock."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,  # each revision is there whole or not at all
)
with context.begin_transaction():
    context.run_migrations()
