"""Time types know whether they are of a series of doses; bookings, with which dose they were cancelled.

Revision 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KNOWN = """
UPDATE time_type SET is_dose = true WHERE dose IS NOT NULL OR first_dose_type_id IS NOT NULL
OR min_days_since_dose IS NOT NULL OR time_type_id IN (SELECT time_type_id FROM time_type_vaccine)
OR time_type_id IN (SELECT first_dose_type_id FROM time_type WHERE first_dose_type_id IS NOT NULL)
"""


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("time_type", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_dose", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(_KNOWN)
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cancelled_with", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_booking_cancelled_with"), ["cancelled_with"], unique=False)


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_cancelled_with"))
        batch_op.drop_column("cancelled_with")
    with op.batch_alter_table("time_type", schema=None) as batch_op:
        batch_op.drop_column("is_dose")
