"""More of how visits went, and why somebody who was cut off counts as absent.

Revision 0011, after 0010. Nothing has written records of visits before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBERS = ("ice_restarts", "frozen_ms", "packets_sent", "received_bps", "sent_bps", "jitter_ms")


def upgrade() -> None:
    """Forward."""
    op.execute("DELETE FROM visit_quality")
    with op.batch_alter_table("visit_quality", schema=None) as batch_op:
        batch_op.add_column(sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("path", sa.String(length=16), nullable=False))
        for name in _NUMBERS:
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False))
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("miss_note", sa.String(length=256), nullable=True))


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_column("miss_note")
    with op.batch_alter_table("visit_quality", schema=None) as batch_op:
        for name in (*reversed(_NUMBERS), "path", "connected_at"):
            batch_op.drop_column(name)
