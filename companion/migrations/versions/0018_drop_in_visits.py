"""Tickets of the drop-in reception that became visits.

Revision 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "drop_in_visit",
        sa.Column("unit_hsa_id", sa.String(length=31), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ticket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.booking_id"], name=op.f("fk_drop_in_visit_booking_id")),
        sa.ForeignKeyConstraint(["unit_hsa_id"], ["unit.hsa_id"], name=op.f("fk_drop_in_visit_unit_hsa_id")),
        sa.PrimaryKeyConstraint("unit_hsa_id", "day", "ticket", name=op.f("pk_drop_in_visit")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_drop_in_visit_booking_id")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("drop_in_visit")
