"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes all tables."""
    op.create_table(
        "gate",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("record_schema", sa.Integer, nullable=False),
        sa.Column("origin", sa.String(128), nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("begun", sa.Double, nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("step", _ROW, nullable=False),
        sa.Column("records", _ROW, nullable=False),
    )
    op.create_table(
        "cuts",
        sa.Column("step", _ROW, primary_key=True, autoincrement=False),
        sa.Column("window", _ROW, nullable=False, index=True),
        sa.Column("first", _ROW, nullable=False),
        sa.Column("records", sa.Integer, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    _records()
    op.create_table(
        "windows",
        sa.Column("window", _ROW, primary_key=True, autoincrement=False),
        sa.Column("step", _ROW, nullable=False),
        sa.Column("file", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "snapshots",
        sa.Column("step", _ROW, primary_key=True, autoincrement=False),
        sa.Column("window", _ROW, nullable=False),
        sa.Column("file", sa.String(64), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("step", _ROW, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _records() -> None:
    op.create_table(
        "decisions",
        sa.Column("sequence", _ROW, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=True),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("window", _ROW, nullable=False),
        sa.Column("arrived", sa.Double, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("ruling", sa.String(8), nullable=False),
        sa.Column("scores", sa.Text, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("cut", _ROW, nullable=False),
    )
    op.create_index("one_decision_a_key", "decisions", ["key", "tenant"], unique=True)
    op.create_table(
        "held",
        sa.Column("sequence", _ROW, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("cause", sa.String(8), nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("review", _ROW, nullable=True),
    )
    op.create_index("held_by_verdict", "held", ["verdict", "sequence"])
    op.create_index("held_by_review", "held", ["review"])


def downgrade() -> None:
    """Takes them away."""
    for table in ("events", "snapshots", "windows", "held", "decisions", "cuts", "gate"):
        op.drop_table(table)
