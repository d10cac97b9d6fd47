"""Failures say which other server failed, and a login that has ended is a cause of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("failures", sa.Column("server", sa.String(), nullable=True))
    # So it was told until now: by the last words of the reason.
    op.execute(
        "UPDATE failures SET cause = 'login_ended' WHERE cause = 'login' AND detail LIKE"
        " '%; run: gonequiet login ' || (SELECT name FROM inboxes WHERE inboxes.id = failures.inbox_id)"
    )
