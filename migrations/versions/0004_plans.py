"""create the table of plans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('plans',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('job', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('request', columns.Json(), nullable=False),
    sa.Column('answer', columns.Json(), nullable=True),
    sa.Column('problems', columns.Json(), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('finished_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("state IN ('queued', 'done', 'failed')", name=op.f('ck_plans_state')),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_plans_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plans'))
    )
    with op.batch_alter_table('plans', schema=None) as batch_op:
        batch_op.create_index('ix_plans_project_created_at', ['project', 'created_at'], unique=False)


def downgrade() -> None:
    """Take this revision back."""
    with op.batch_alter_table('plans', schema=None) as batch_op:
        batch_op.drop_index('ix_plans_project_created_at')

    op.drop_table('plans')
