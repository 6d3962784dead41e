"""create the table of annotations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table(
        "annotations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("document", columns.Json(), nullable=False),
        sa.Column("archived_at", columns.Instant(), nullable=True),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("updated_at", columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.key"], name=op.f("fk_annotations_project_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        sa.UniqueConstraint("project", "key", name=op.f("uq_annotations_project_key")),
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("annotations")
