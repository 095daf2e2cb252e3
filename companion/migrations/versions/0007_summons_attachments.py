"""Attachments of summonses.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "summons_attachment",
        sa.Column("attachment_id", sa.String(length=40), nullable=False),
        sa.Column("summons_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.String(length=256), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["summons_id"], ["summons.summons_id"], name=op.f("fk_summons_attachment_summons_id")),
        sa.PrimaryKeyConstraint("attachment_id", name=op.f("pk_summons_attachment")),
    )
    with op.batch_alter_table("summons_attachment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_summons_attachment_summons_id"), ["summons_id"], unique=False)


def downgrade() -> None:
    """Back."""
    op.drop_table("summons_attachment")
