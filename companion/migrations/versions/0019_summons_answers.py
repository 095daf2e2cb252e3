"""How a summons was answered.

Revision 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("summons", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answered_how", sa.String(length=8), nullable=True))


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("summons", schema=None) as batch_op:
        batch_op.drop_column("answered_how")
