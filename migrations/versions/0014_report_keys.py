"""name what a report was made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    with op.batch_alter_table('reports', schema=None) as batch_op:
        batch_op.add_column(sa.Column('inputs_key', sa.String(length=64), nullable=True))
        batch_op.create_index('ix_reports_inputs_key', ['inputs_key'], unique=False)


def downgrade() -> None:
    """Take this revision back."""
    with op.batch_alter_table('reports', schema=None) as batch_op:
        batch_op.drop_index('ix_reports_inputs_key')
        batch_op.drop_column('inputs_key')
