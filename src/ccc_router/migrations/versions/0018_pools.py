"""What is owed is looked for pool by pool: a pool's senders know its catalogue and its secrets, and no other's."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The index by pool."""
    op.execute("DROP INDEX delivery_due")
    op.execute("CREATE INDEX delivery_due ON delivery (pool, kind, due, id) WHERE state = 'owed'")


def downgrade() -> None:
    """As it was."""
    op.execute("DROP INDEX delivery_due")
    op.execute("CREATE INDEX delivery_due ON delivery (kind, due, id) WHERE state = 'owed'")
