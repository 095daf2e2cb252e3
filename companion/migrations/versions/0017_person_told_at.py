"""When somebody was last told of.

Revision 0017, after 0016. Of those who are there already, retention counts from now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE person SET told_at = CURRENT_TIMESTAMP")


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("told_at")
