"""create the tables of experiments that are being set up and of counts of journeys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('setups',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('author', sa.String(length=256), nullable=False),
    sa.Column('experiment', sa.String(length=64), nullable=True),
    sa.Column('question', columns.Json(), nullable=False),
    sa.Column('document', columns.Json(), nullable=False),
    sa.Column('plan', sa.String(length=32), nullable=True),
    sa.Column('planned', sa.String(length=64), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('updated_at', columns.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_setups_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_setups'))
    )
    op.create_index('ix_setups_project_updated_at', 'setups', ['project', 'updated_at'], unique=False)
    op.create_table('journey_counts',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.String(length=32), nullable=False),
    sa.Column('job', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('definition', columns.Json(), nullable=False),
    sa.Column('answer', columns.Json(), nullable=True),
    sa.Column('fault', sa.String(length=1000), nullable=True),
    sa.Column('asked_at', columns.Instant(), nullable=False),
    sa.Column('finished_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("state IN ('queued', 'done', 'failed')", name=op.f('ck_journey_counts_state')),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_journey_counts_project_projects')),
    sa.PrimaryKeyConstraint('project', 'digest', name=op.f('pk_journey_counts'))
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table('journey_counts')
    op.drop_index('ix_setups_project_updated_at', table_name='setups')
    op.drop_table('setups')
