"""What the detector had concluded, so that a start need not replay the whole history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "states",
        sa.Column("hour", NUMBER, nullable=False, autoincrement=False),
        sa.Column("changed", NUMBER, nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("coverage", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hour"),
    )
