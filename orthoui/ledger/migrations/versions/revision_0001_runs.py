"""The table of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "orthoui_runs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("method", sa.String(200)),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("group_id", sa.String(40)),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("request_digest", sa.String(16), nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("model_digest", sa.Text),
        sa.Column("architecture", sa.Text),
        sa.Column("dataset", sa.Text),
        sa.Column("data_digest", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("device", sa.Text),
        sa.Column("created", moment, nullable=False),
        sa.Column("started", moment),
        sa.Column("finished", moment),
        sa.Column("timings", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("progress", sa.JSON),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("requested", sa.String(16), nullable=False),
        sa.Column("heartbeat", moment),
        sa.Column("worker", sa.Text),
        sa.Column("server", sa.Text),
        sa.Column("ticket", sa.Integer, nullable=False),
        sa.Column("lost_workers", sa.Integer, nullable=False),
        sa.Column("module", sa.Text),
        sa.Column("folder", sa.Text),
    )
    op.create_index("orthoui_runs_state", "orthoui_runs", ["state"])
    op.create_index("orthoui_runs_kind", "orthoui_runs", ["kind", "method"])
    op.create_index("orthoui_runs_group", "orthoui_runs", ["group_id"])
