"""create the tables of customer requests and of suppressed ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('customer_requests',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('typed_id', sa.String(length=256), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('requested_by', sa.String(length=256), nullable=False),
    sa.Column('requested_at', columns.Instant(), nullable=False),
    sa.Column('finished_at', columns.Instant(), nullable=True),
    sa.Column('receipt', columns.Json(), nullable=True),
    sa.Column('document', sa.Text(), nullable=True),
    sa.CheckConstraint("kind IN ('erase', 'export')", name=op.f('ck_customer_requests_kind')),
    sa.CheckConstraint("state IN ('queued', 'done')", name=op.f('ck_customer_requests_state')),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_customer_requests_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_customer_requests'))
    )
    with op.batch_alter_table('customer_requests', schema=None) as batch_op:
        batch_op.create_index('ix_customer_requests_project_requested_at', ['project', 'requested_at'], unique=False)

    op.create_table('suppressed_ids',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_suppressed_ids_project_projects')),
    sa.PrimaryKeyConstraint('project', 'digest', name=op.f('pk_suppressed_ids'))
    )
    op.create_table('suppression_salts',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('salt', sa.LargeBinary(length=32), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_suppression_salts_project_projects')),
    sa.PrimaryKeyConstraint('project', name=op.f('pk_suppression_salts'))
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table('suppression_salts')
    op.drop_table('suppressed_ids')
    with op.batch_alter_table('customer_requests', schema=None) as batch_op:
        batch_op.drop_index('ix_customer_requests_project_requested_at')

    op.drop_table('customer_requests')
