"""Where an audit log begins whose oldest entries are no longer kept.

Revision 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    for table in ("audit_head", "front_audit_head"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("begin", sa.String(length=256), nullable=True))


def downgrade() -> None:
    """Back."""
    for table in ("front_audit_head", "audit_head"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("begin")
