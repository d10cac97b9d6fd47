"""What a folder without numbers (Maildir, mbox) is compared with, and to which of our addresses a message came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("folders", sa.Column("state", sa.Text(), nullable=True))
    op.add_column("copies", sa.Column("address", sa.Text(), nullable=True))
