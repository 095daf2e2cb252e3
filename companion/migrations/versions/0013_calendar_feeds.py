"""Calendar feeds have a maker.

Revision 0013, after 0012. Nobody knows who made the feeds that are there, a guardian perhaps, so they end: whoever has
one makes another.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.drop_table("calendar_feed")
    op.create_table(
        "calendar_feed",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=28), nullable=False),
        sa.Column("made_by", sa.String(length=28), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("person_id", "made_by", name=op.f("uq_calendar_feed_person_id_made_by")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("calendar_feed")
    op.create_table(
        "calendar_feed",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=28), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("person_id", name=op.f("uq_calendar_feed_person_id")),
    )
