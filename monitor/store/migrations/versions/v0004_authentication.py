"""What signed each message, and what our receivers noted of it; null for older mail until `gonequiet rebuild`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("copies", "sends"):
        for column in ("sdids", "authentication"):
            op.add_column(table, sa.Column(column, sa.Text(), nullable=True))
