"""Patients are reminded of their bookings.

Revision 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_NOT_REMINDED = sa.text("reminded_at IS NULL")


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_booking_not_reminded",
            ["starts_at"],
            unique=False,
            sqlite_where=_NOT_REMINDED,
            postgresql_where=_NOT_REMINDED,
        )


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index("ix_booking_not_reminded")
        batch_op.drop_column("reminded_at")
