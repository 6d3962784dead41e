"""chain the audit trail; keep pictures of variants and what people say of metrics."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns
from abplat.domain.audit_chain import FIELDS, NO_HASH, seal

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REFUSED = 'the audit trail is append-only'
SQLITE = (
    f"CREATE TRIGGER audit_seals_no_update BEFORE UPDATE ON audit_seals BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    f"CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
)
POSTGRESQL = (
    "CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals "
    "FOR EACH ROW EXECUTE FUNCTION keep_audit()",
    "CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals "
    "FOR EACH STATEMENT EXECUTE FUNCTION keep_audit()",
)
BATCH = 1_000


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table(
        'audit_seals',
        sa.Column('entry', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('project', sa.String(length=64), nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=False),
        sa.Column('previous', sa.String(length=64), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['entry'], ['audit.id'], name=op.f('fk_audit_seals_entry_audit')),
        sa.PrimaryKeyConstraint('entry', name=op.f('pk_audit_seals')),
        sa.UniqueConstraint('project', 'position', name=op.f('uq_audit_seals_project_position')),
    )
    _seal_all(op.get_bind())
    for statement in POSTGRESQL if op.get_bind().dialect.name == 'postgresql' else SQLITE:
        op.execute(statement)
    op.create_table(
        'pictures',
        sa.Column('id', _ID, nullable=False),
        sa.Column('project', sa.String(length=64), nullable=False),
        sa.Column('experiment', sa.String(length=64), nullable=False),
        sa.Column('variant', sa.String(length=64), nullable=False),
        sa.Column('channel', sa.String(length=64), nullable=False),
        sa.Column('media_type', sa.String(length=32), nullable=False),
        sa.Column('width', sa.Integer(), nullable=False),
        sa.Column('height', sa.Integer(), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
        sa.Column('body', sa.LargeBinary(), nullable=False),
        sa.Column('author', sa.String(length=256), nullable=False),
        sa.Column('created_at', columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_pictures_project_projects')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_pictures')),
        sa.UniqueConstraint(
            'project', 'experiment', 'variant', 'channel', name=op.f('uq_pictures_project_experiment_variant_channel')
        ),
    )
    op.create_table(
        'metric_standings',
        sa.Column('project', sa.String(length=64), nullable=False),
        sa.Column('metric', sa.String(length=64), nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('definition_version', sa.Integer(), nullable=False),
        sa.Column('actor', sa.String(length=256), nullable=False),
        sa.Column('at', columns.Instant(), nullable=False),
        sa.Column('note', sa.String(length=1000), nullable=False),
        sa.CheckConstraint("status IN ('draft', 'certified', 'retired')", name=op.f('ck_metric_standings_status')),
        sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_metric_standings_project_projects')),
        sa.PrimaryKeyConstraint('project', 'metric', name=op.f('pk_metric_standings')),
    )


def _seal_all(connection: sa.Connection) -> None:
    """Chain every entry that is there, in the order in which the entries of a project were written."""
    entries = sa.table('audit', *(sa.column(name) for name in FIELDS))
    seals = sa.table('audit_seals', *(sa.column(name) for name in ('entry', 'project', 'position', 'previous', 'hash')))
    heads: dict[str, tuple[int, str]] = {}
    last = 0
    while True:
        wanted = sa.select(entries).where(entries.c.id > last).order_by(entries.c.id).limit(BATCH)
        found = connection.execute(wanted).mappings().all()
        if not found:
            return
        rows = []
        for entry in found:
            position, previous = heads.get(entry['project'], (0, NO_HASH))
            known = {**entry, **{name: _read(entry[name]) for name in ('before', 'after')}}
            sealed = seal(known, position + 1, previous)
            rows.append({
                'entry': entry['id'], 'project': entry['project'], 'position': position + 1,
                'previous': previous, 'hash': sealed,
            })  # fmt: skip
            heads[entry['project']] = (position + 1, sealed)
        connection.execute(seals.insert(), rows)
        last = found[-1]['id']


def _read(value: str | None) -> object:
    """Read a value that was kept as text."""
    return None if value is None else msgspec.json.decode(value)


def downgrade() -> None:
    """Take this revision back."""
    for name in ('metric_standings', 'pictures'):
        op.drop_table(name)
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP TRIGGER audit_seals_no_truncate ON audit_seals')
        op.execute('DROP TRIGGER audit_seals_append_only ON audit_seals')
    op.drop_table('audit_seals')
