"""Group visits over video share a meeting; others take part in bookings; interpreters are assigned.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("time_type", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_group", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meeting_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("meeting_sequence", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_unique_constraint(batch_op.f("uq_slot_meeting_id"), ["meeting_id"])
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group_meeting_id", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_booking_group_meeting_id"), ["group_meeting_id"], unique=False)
    with op.batch_alter_table("interpreter_order", schema=None) as batch_op:
        batch_op.add_column(sa.Column("assigned_to", sa.String(length=128), nullable=True))
        batch_op.add_column(sa.Column("assigned_by", sa.String(length=256), nullable=True))
        batch_op.add_column(sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "booking_participant",
        sa.Column("participant_id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("staff_hsa_id", sa.String(length=31), nullable=True),
        sa.Column("person_id", sa.String(length=28), nullable=True),
        sa.Column("added_by", sa.String(length=256), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(staff_hsa_id IS NULL) <> (person_id IS NULL)", name=op.f("ck_booking_participant_of_one")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.booking_id"], name=op.f("fk_booking_participant_booking_id")),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_booking_participant")),
    )
    with op.batch_alter_table("booking_participant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_booking_participant_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_participant_staff_hsa_id"), ["staff_hsa_id"], unique=False)


def downgrade() -> None:
    """Back."""
    op.drop_table("booking_participant")
    with op.batch_alter_table("interpreter_order", schema=None) as batch_op:
        for name in ("assigned_at", "assigned_by", "assigned_to"):
            batch_op.drop_column(name)
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_group_meeting_id"))
        batch_op.drop_column("group_meeting_id")
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_slot_meeting_id"), type_="unique")
        batch_op.drop_column("meeting_sequence")
        batch_op.drop_column("meeting_id")
    with op.batch_alter_table("time_type", schema=None) as batch_op:
        batch_op.drop_column("is_group")
