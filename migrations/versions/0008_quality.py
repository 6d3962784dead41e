"""create the tables of data quality, and let projects say how long facts are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('arrivals',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('day', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('measure', sa.String(length=64), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('project', 'day', 'measure', name=op.f('pk_arrivals')),
    sqlite_with_rowid=False
    )
    op.create_table('quality_boards',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('made_at', columns.Instant(), nullable=False),
    sa.Column('document', columns.Json(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_quality_boards_project_projects')),
    sa.PrimaryKeyConstraint('project', name=op.f('pk_quality_boards'))
    )
    op.add_column('projects', sa.Column('keep_facts', sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Take this revision back."""
    op.drop_column('projects', 'keep_facts')
    op.drop_table('quality_boards')
    op.drop_table('arrivals')
