"""lifecycle: phases, kill switch, conclusions, schedules, templates, sightings."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_STATES = "state IN ('draft', 'checked', 'running', 'paused', 'stopped', 'concluded', 'archived')"
_PLAN = (
    "state IN ('draft', 'checked', 'archived') OR "
    "(started_at IS NOT NULL AND plan IS NOT NULL AND traffic IS NOT NULL)"
)
_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Move the database to this revision."""
    with op.batch_alter_table('experiments', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_experiments_state'), type_='check')
        batch_op.drop_constraint(op.f('ck_experiments_plan'), type_='check')
        batch_op.add_column(sa.Column('traffic', columns.Json(), nullable=True))
        batch_op.add_column(sa.Column('killed_at', columns.Instant(), nullable=True))
        batch_op.add_column(sa.Column('concluded_at', columns.Instant(), nullable=True))
        batch_op.add_column(sa.Column('conclusion', columns.Json(), nullable=True))
        batch_op.add_column(sa.Column('template', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('is_scheduled', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('ramp_step', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('ramp_since', columns.Instant(), nullable=True))
        batch_op.add_column(sa.Column('ramp_approved', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('schedule_fault', sa.Text(), nullable=True))
    _fill_traffic()
    op.execute("UPDATE experiments SET state = 'archived' WHERE archived_at IS NOT NULL")
    with op.batch_alter_table('experiments', schema=None) as batch_op:
        batch_op.create_check_constraint(op.f('ck_experiments_state'), _STATES)
        batch_op.create_check_constraint(op.f('ck_experiments_plan'), _PLAN)
        batch_op.create_check_constraint(
            op.f('ck_experiments_archived'), "(state = 'archived') = (archived_at IS NOT NULL)"
        )
        batch_op.alter_column('is_scheduled', server_default=None)
        batch_op.alter_column('ramp_approved', server_default=None)
        batch_op.create_index('ix_experiments_scheduled', ['is_scheduled', 'state'], unique=False)
    # SQLite makes the table anew above, which it refuses once rows of another table refer to it.
    _create_tables()
    _give_first_phases()


def _create_tables() -> None:
    """Create what is new."""
    op.create_table(
        'phases',
        sa.Column('experiment_id', _ID, nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('salt', sa.String(length=32), nullable=False),
        sa.Column('weights', columns.Json(), nullable=False),
        sa.Column('included', sa.Integer(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('started_at', columns.Instant(), nullable=False),
        sa.Column('counts_from', columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ['experiment_id'], ['experiments.id'], name=op.f('fk_phases_experiment_id_experiments')
        ),
        sa.PrimaryKeyConstraint('experiment_id', 'number', name=op.f('pk_phases')),
    )
    op.create_table(
        'sightings',
        sa.Column('project', sa.String(length=64), nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('name', sa.String(length=256), nullable=False),
        sa.Column('channel', sa.String(length=256), nullable=False),
        sa.Column('last_seen', columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint('project', 'kind', 'name', 'channel', name=op.f('pk_sightings')),
    )
    op.create_table(
        'templates',
        sa.Column('id', _ID, nullable=False),
        sa.Column('key', sa.String(length=64), nullable=False),
        sa.Column('document', columns.Json(), nullable=False),
        sa.Column('archived_at', columns.Instant(), nullable=True),
        sa.Column('project', sa.String(length=64), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', columns.Instant(), nullable=False),
        sa.Column('updated_at', columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_templates_project_projects')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_templates')),
        sa.UniqueConstraint('project', 'key', name=op.f('uq_templates_project_key')),
    )


def _fill_traffic() -> None:
    """Say what customers of each experiment that has started are divided by."""
    connection = op.get_bind()
    query = 'SELECT id, salt, plan FROM experiments WHERE plan IS NOT NULL'
    for row in connection.execute(sa.text(query)).all():
        document = json.loads(row.plan)['experiment']
        weights = {variant['key']: variant['weight'] for variant in document['variants']}
        traffic = {'phase': 1, 'salt': row.salt, 'weights': weights, 'included': document['included']}
        connection.execute(
            sa.text('UPDATE experiments SET traffic = :traffic WHERE id = :id'),
            {'traffic': json.dumps(traffic), 'id': row.id},
        )


def _give_first_phases() -> None:
    """Give every experiment that has started the phase it is in."""
    connection = op.get_bind()
    query = 'SELECT id, traffic, started_at FROM experiments WHERE traffic IS NOT NULL AND started_at IS NOT NULL'
    for row in connection.execute(sa.text(query)).all():
        traffic = json.loads(row.traffic)
        connection.execute(
            sa.text(
                'INSERT INTO phases (experiment_id, number, kind, salt, weights, included, reason, started_at, '
                "counts_from) VALUES (:id, 1, 'start', :salt, :weights, :included, 'start', :at, :at)"
            ),
            {
                'id': row.id,
                'salt': traffic['salt'],
                'weights': json.dumps(traffic['weights']),
                'included': traffic['included'],
                'at': row.started_at,
            },
        )


def downgrade() -> None:
    """Move the database back; what only this revision knows is lost."""
    for name in ('templates', 'sightings', 'phases'):
        op.drop_table(name)
    with op.batch_alter_table('experiments', schema=None) as batch_op:
        batch_op.drop_index('ix_experiments_scheduled')
        for name in ('state', 'plan', 'archived'):
            batch_op.drop_constraint(op.f(f'ck_experiments_{name}'), type_='check')
    op.execute(
        "UPDATE experiments SET state = CASE WHEN plan IS NULL THEN 'draft' "
        "WHEN state = 'running' THEN 'running' ELSE 'stopped' END"
    )
    with op.batch_alter_table('experiments', schema=None) as batch_op:
        for name in (
            'schedule_fault', 'ramp_approved', 'ramp_since', 'ramp_step', 'is_scheduled', 'template', 'conclusion',
            'concluded_at', 'killed_at', 'traffic',
        ):
            batch_op.drop_column(name)
        batch_op.create_check_constraint(op.f('ck_experiments_state'), "state IN ('draft', 'running', 'stopped')")
        batch_op.create_check_constraint(
            op.f('ck_experiments_plan'), "state = 'draft' OR (started_at IS NOT NULL AND plan IS NOT NULL)"
        )
