"""keep components of ids, conflicts, identity keys and the last moments of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('assignment_conflicts',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('experiment', sa.String(length=64), nullable=False),
    sa.Column('unit', sa.String(length=256), nullable=False),
    sa.Column('variant', sa.String(length=64), nullable=False),
    sa.Column('assigned_at', columns.Instant(), nullable=False),
    sa.Column('kept_unit', sa.String(length=256), nullable=False),
    sa.Column('kept_variant', sa.String(length=64), nullable=False),
    sa.Column('kept_assigned_at', columns.Instant(), nullable=False),
    sa.Column('found_at', columns.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_assignment_conflicts_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_assignment_conflicts')),
    sa.UniqueConstraint('project', 'experiment', 'unit', 'kept_unit', 'variant', name=op.f('uq_assignment_conflicts_record'))
    )
    op.create_table('customer_moments',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('unit', sa.String(length=256), nullable=False),
    sa.Column('last_us', sa.BigInteger(), nullable=False),
    sa.Column('document', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('project', 'unit', name=op.f('pk_customer_moments')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('customer_moments', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_customer_moments_last_us'), ['last_us'], unique=False)

    op.create_table('identity_keys',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_identity_keys_project_projects')),
    sa.PrimaryKeyConstraint('project', 'number', name=op.f('pk_identity_keys'))
    )
    op.create_table('identity_members',
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=256), nullable=False),
    sa.Column('component', sa.String(length=256), nullable=False),
    sa.Column('joined_at', columns.Instant(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_identity_members_project_projects')),
    sa.PrimaryKeyConstraint('project', 'id', name=op.f('pk_identity_members'))
    )
    with op.batch_alter_table('identity_members', schema=None) as batch_op:
        batch_op.create_index('ix_identity_members_project_component', ['project', 'component'], unique=False)

    op.create_table('read_model_rows',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_read_model_rows'))
    )
    with op.batch_alter_table('assignments', schema=None) as batch_op:
        batch_op.add_column(sa.Column('channel', sa.String(length=256), nullable=True))
        batch_op.add_column(sa.Column('origin', sa.String(length=256), nullable=True))

    with op.batch_alter_table('identity_joins', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', sa.String(length=16), server_default='identify', nullable=False))
        batch_op.add_column(sa.Column('outcome', sa.String(length=16), server_default='joined', nullable=False))

    _work_out_members()


def _work_out_members() -> None:
    """Work out who belongs together from the joins kept so far: one customer per component, shared ids alone."""
    connection = op.get_bind()
    joins = connection.execute(sa.text(
        "SELECT project, anonymous, known, joined_at FROM identity_joins ORDER BY project, joined_at, anonymous, known"
    )).all()
    owners: dict = {}
    for project, anonymous, known, _ in joins:
        if known.startswith('cust:') and not anonymous.startswith('cust:'):
            owners.setdefault((project, anonymous), set()).add(known)
    shared = {key for key, customers in owners.items() if len(customers) > 1}
    component: dict = {}
    teams: dict = {}
    since: dict = {}
    for project, anonymous, known, joined_at in joins:
        ends = [(project, anonymous), (project, known)]
        for end in ends:
            since.setdefault(end, joined_at)
            component.setdefault(end, end)
            teams.setdefault(component[end], {end})
        a, b = (component[end] for end in ends)
        outcome = 'joined'
        if shared.intersection(ends):
            outcome = 'shared'
        elif a != b and a[1].startswith('cust:') and b[1].startswith('cust:'):
            outcome = 'refused'
        elif a != b:
            kept, lost = (a, b) if a[1].startswith('cust:') else (b, a)
            teams[kept] |= teams.pop(lost)
            component |= {end: kept for end in teams[kept]}
        if outcome != 'joined':
            connection.execute(sa.text(
                "UPDATE identity_joins SET outcome = :outcome"
                " WHERE project = :project AND anonymous = :anonymous AND known = :known"
            ), {'outcome': outcome, 'project': project, 'anonymous': anonymous, 'known': known})
    rows = [
        {'project': end[0], 'id': end[1], 'component': component[end][1], 'joined_at': at,
         'state': 'shared' if end in shared else 'plain'}
        for end, at in since.items()
    ]
    if rows:
        connection.execute(sa.text(
            "INSERT INTO identity_members (project, id, component, joined_at, state)"
            " VALUES (:project, :id, :component, :joined_at, :state)"
        ), rows)


def downgrade() -> None:
    """Move the database back to the revision before."""
    with op.batch_alter_table('identity_joins', schema=None) as batch_op:
        batch_op.drop_column('outcome')
        batch_op.drop_column('source')

    with op.batch_alter_table('assignments', schema=None) as batch_op:
        batch_op.drop_column('origin')
        batch_op.drop_column('channel')

    with op.batch_alter_table('identity_members', schema=None) as batch_op:
        batch_op.drop_index('ix_identity_members_project_component')

    op.drop_table('read_model_rows')
    op.drop_table('identity_members')
    op.drop_table('identity_keys')
    with op.batch_alter_table('customer_moments', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_customer_moments_last_us'))

    op.drop_table('customer_moments')
    op.drop_table('assignment_conflicts')
