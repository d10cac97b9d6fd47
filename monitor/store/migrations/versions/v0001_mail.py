"""Mail, sends and coverage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("second", sa.String(), nullable=False),
        sa.Column("third", sa.String(), nullable=False),
        sa.Column("value", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", "first", "second", "third"),
    )
    op.create_table(
        "evidence",
        sa.Column("copy_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("copy_id"),
    )
    op.create_table(
        "inboxes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "streams",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_streams_organisation", "streams", ["organisation"])
    op.create_table(
        "failures",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("inbox_id", NUMBER, nullable=False),
        sa.Column("folder", sa.String(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("retryable", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_failures_at", "failures", ["at"])
    op.create_index("ix_failures_inbox_at", "failures", ["inbox_id", "at"])
    op.create_table(
        "folders",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("inbox_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("uidvalidity", NUMBER, nullable=True),
        sa.Column("last_uid", NUMBER, nullable=True),
        sa.Column("uidnext", NUMBER, nullable=True),
        sa.Column("highestmodseq", NUMBER, nullable=True),
        sa.Column("proven_at", MOMENT, nullable=True),
        sa.Column("polls", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("inbox_id", "name"),
    )
    op.create_table(
        "sends",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("stream_id", NUMBER, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("stored_at", MOMENT, nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("inboxes", sa.Text(), nullable=False),
        sa.Column("placements", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("platform", sa.String(), nullable=True),
        sa.Column("delivery", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("platform_confidence", sa.String(), nullable=True),
        sa.Column("delivery_confidence", sa.String(), nullable=True),
        sa.Column("changed", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sends_at", "sends", ["at"])
    op.create_index("ix_sends_changed", "sends", ["changed"])
    op.create_index("ix_sends_stream_at", "sends", ["stream_id", "at"])
    op.create_table(
        "copies",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("inbox_id", NUMBER, nullable=False),
        sa.Column("folder_id", NUMBER, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("from_address", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("delivered_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("link_hosts", sa.Text(), nullable=False),
        sa.Column("fingerprints", sa.Text(), nullable=False),
        sa.Column("stream_id", NUMBER, nullable=True),
        sa.Column("send_id", NUMBER, nullable=True),
        sa.Column("platform", sa.String(), nullable=True),
        sa.Column("delivery", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("platform_confidence", sa.String(), nullable=True),
        sa.Column("delivery_confidence", sa.String(), nullable=True),
        sa.Column("polls_before", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"]),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"]),
        sa.ForeignKeyConstraint(["send_id"], ["sends.id"]),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("inbox_id", "digest"),
    )
    op.create_index("ix_copies_send_id", "copies", ["send_id"])
    op.create_index("ix_copies_stream_at", "copies", ["stream_id", "at"])
    op.create_index("ix_copies_stream_message", "copies", ["stream_id", "message_id"])
    op.create_table(
        "coverage",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("folder_id", NUMBER, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("polls", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_coverage_folder_until", "coverage", ["folder_id", "until"])
    op.create_table(
        "placements",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("copy_id", NUMBER, nullable=False),
        sa.Column("folder_id", NUMBER, nullable=False),
        sa.Column("uidvalidity", NUMBER, nullable=False),
        sa.Column("uid", NUMBER, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"]),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("folder_id", "uidvalidity", "uid"),
    )
    op.create_index("ix_placements_copy_id", "placements", ["copy_id"])
    op.create_table(
        "problems",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("copy_id", NUMBER, nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_problems_copy_id", "problems", ["copy_id"])
