"""The course of a booking's video meeting.

Revision 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INSTANTS = ("patient_joined_at", "host_joined_at", "last_joined_at", "meeting_ended_at")


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meeting_state", sa.String(length=24), nullable=True))
        for name in _INSTANTS:
            batch_op.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("booking", schema=None) as batch_op:
        for name in ("meeting_state", *_INSTANTS):
            batch_op.drop_column(name)
