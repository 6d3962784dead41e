"""keep versions of metrics and what the past says of them, and observations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Move the database to this revision."""
    # Not in a batch: SQLite would make the table anew, which it refuses while rows refer to it.
    op.add_column("metrics", sa.Column("definition_version", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "metric_versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("metric_id", _ID, nullable=False),
        sa.Column("definition_version", sa.Integer(), nullable=False),
        sa.Column("document", columns.Json(), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["metric_id"], ["metrics.id"], name=op.f("fk_metric_versions_metric_id_metrics")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_versions")),
        sa.UniqueConstraint(
            "metric_id", "definition_version", name=op.f("uq_metric_versions_metric_id_definition_version")
        ),
    )
    op.execute(
        "INSERT INTO metric_versions (metric_id, definition_version, document, created_at) "
        "SELECT id, 1, document, updated_at FROM metrics ORDER BY id"
    )
    op.create_table(
        "metric_histories",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("as_of", columns.Instant(), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("document", columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.key"], name=op.f("fk_metric_histories_project_projects")),
        sa.PrimaryKeyConstraint("project", "metric", name=op.f("pk_metric_histories")),
    )
    op.create_table(
        "observations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("document", columns.Json(), nullable=False),
        sa.Column("archived_at", columns.Instant(), nullable=True),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("updated_at", columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.key"], name=op.f("fk_observations_project_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
        sa.UniqueConstraint("project", "key", name=op.f("uq_observations_project_key")),
    )


def downgrade() -> None:
    """Move the database back to the revision before."""
    for name in ("observations", "metric_histories", "metric_versions"):
        op.drop_table(name)
    op.drop_column("metrics", "definition_version")
