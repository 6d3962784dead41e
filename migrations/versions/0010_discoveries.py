"""create the table of discoveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('discoveries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('document', columns.Json(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_discoveries_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_discoveries'))
    )
    with op.batch_alter_table('discoveries', schema=None) as batch_op:
        batch_op.create_index('ix_discoveries_project', ['project'], unique=False)


def downgrade() -> None:
    """Take this revision back."""
    with op.batch_alter_table('discoveries', schema=None) as batch_op:
        batch_op.drop_index('ix_discoveries_project')

    op.drop_table('discoveries')
