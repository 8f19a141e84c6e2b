"""Tags of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "orthoui_tags",
        sa.Column("run_id", sa.String(40), sa.ForeignKey("orthoui_runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.String(80), primary_key=True),
    )
    op.create_index("orthoui_tags_tag", "orthoui_tags", ["tag"])
