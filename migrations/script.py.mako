"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Move the database back to the revision before."""
    ${downgrades if downgrades else "pass"}
