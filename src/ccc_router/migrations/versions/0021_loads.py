"""What an agent carries and what he may stand in his own row, which is written anyway when that changes: four rows fewer a life.

``agent_load`` stays for an engine from before; of this one it holds only by how much a catalogue left somebody over, which such an engine
would have to know. It goes in a later revision. Adding the columns rewrites nothing, and the check reads a row an agent: no table that grows.
"""

from typing import Final

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_PLACES: Final = 6
# I5. Beyond the end of an array nothing is compared; so both have the same end, and none goes beyond what is compared.
_WITHIN: Final = " AND ".join(
    [
        "cardinality(used) = cardinality(most)",
        f"cardinality(used) <= {_PLACES}",
        *(f"used[{place}] <= most[{place}]" for place in range(1, _PLACES + 1)),
    ]
)


def upgrade() -> None:
    """Add both, and a type of the row that brings them."""
    op.execute(f"""
        ALTER TABLE agent ADD COLUMN used integer[] NOT NULL DEFAULT '{{}}', ADD COLUMN most integer[] NOT NULL DEFAULT '{{}}',
            ADD CONSTRAINT agent_within CHECK ({_WITHIN})
    """)
    op.execute("""
        COMMENT ON COLUMN agent.used IS
        'what he carries: the total weight, then contacts of phone, email, fanpage, portal and internal; empty: he did not change since 0021'
    """)
    op.execute(
        "COMMENT ON COLUMN agent.most IS 'what he may carry, in the same places, with what a catalogue left him over'"
    )
    op.execute("""
        CREATE TYPE loaded_agent_record AS (
            id text, presence text, reason text, lost boolean, offer_id text, since bigint, row json, used text, most text
        )
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TYPE loaded_agent_record")
    op.execute("ALTER TABLE agent DROP COLUMN used, DROP COLUMN most")
