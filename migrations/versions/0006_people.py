"""add people, their sessions and tokens, approvals, comments and webhooks; keep the audit trail as it is written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from abplat.db.models import columns

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

REFUSED = 'the audit trail is append-only'
SQLITE = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
)
POSTGRESQL = (
    "CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit()",
)


def upgrade() -> None:
    """Move the database to this revision."""
    op.create_table('sign_in_failures',
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_sign_in_failures'))
    )
    op.create_table('users',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('email', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('oidc_subject', sa.String(length=600), nullable=True),
    sa.Column('is_admin', sa.Boolean(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('disabled_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('email', name=op.f('uq_users_email')),
    sa.UniqueConstraint('oidc_subject', name=op.f('uq_users_oidc_subject'))
    )
    op.create_table('approval_requests',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('experiment', sa.String(length=64), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('body', columns.Json(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('authors', columns.Json(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('asked_at', columns.Instant(), nullable=False),
    sa.Column('changed_at', columns.Instant(), nullable=False),
    sa.Column('decided_by', sa.String(length=256), nullable=True),
    sa.Column('decision_note', sa.Text(), nullable=True),
    sa.CheckConstraint("action IN ('start', 'stop', 'weights', 'guardrails', 'ramp')", name=op.f('ck_approval_requests_action')),
    sa.CheckConstraint("state IN ('open', 'approved', 'refused', 'withdrawn', 'done')", name=op.f('ck_approval_requests_state')),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_approval_requests_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval_requests'))
    )
    with op.batch_alter_table('approval_requests', schema=None) as batch_op:
        batch_op.create_index('ix_approval_requests_project_experiment', ['project', 'experiment'], unique=False)
        batch_op.create_index('ix_approval_requests_project_state', ['project', 'state'], unique=False)

    op.create_table('comments',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('experiment', sa.String(length=64), nullable=False),
    sa.Column('author', sa.String(length=256), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('removed_at', columns.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_comments_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comments'))
    )
    with op.batch_alter_table('comments', schema=None) as batch_op:
        batch_op.create_index('ix_comments_project_experiment', ['project', 'experiment'], unique=False)

    op.create_table('memberships',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('mails_alarms', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.CheckConstraint("role IN ('viewer', 'analyst', 'experimenter', 'approver', 'admin')", name=op.f('ck_memberships_role')),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_memberships_project_projects')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_memberships_user_id_users')),
    sa.PrimaryKeyConstraint('user_id', 'project', name=op.f('pk_memberships'))
    )
    with op.batch_alter_table('memberships', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_memberships_project'), ['project'], unique=False)

    op.create_table('one_time_links',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('used_at', columns.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_one_time_links_user_id_users')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_one_time_links'))
    )
    op.create_table('personal_tokens',
    sa.Column('selector', sa.String(length=16), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('revoked_at', columns.Instant(), nullable=True),
    sa.Column('last_used_at', columns.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_personal_tokens_project_projects')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_personal_tokens_user_id_users')),
    sa.PrimaryKeyConstraint('selector', name=op.f('pk_personal_tokens'))
    )
    with op.batch_alter_table('personal_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_personal_tokens_user_id'), ['user_id'], unique=False)

    op.create_table('web_sessions',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('form_token', sa.String(length=64), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('seen_at', columns.Instant(), nullable=False),
    sa.Column('address', sa.String(length=64), nullable=False),
    sa.Column('agent', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_web_sessions_user_id_users')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_web_sessions'))
    )
    with op.batch_alter_table('web_sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_web_sessions_user_id'), ['user_id'], unique=False)

    op.create_table('webhooks',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('secret', sa.String(length=80), nullable=False),
    sa.Column('events', columns.Json(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('removed_at', columns.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_webhooks_project_projects')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks'))
    )
    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhooks_project'), ['project'], unique=False)

    op.create_table('deliveries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('project', sa.String(length=64), nullable=False),
    sa.Column('webhook_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('email', sa.String(length=200), nullable=True),
    sa.Column('event', sa.String(length=32), nullable=False),
    sa.Column('message', columns.Json(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('next_at', columns.Instant(), nullable=False),
    sa.Column('finished_at', columns.Instant(), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f('ck_deliveries_state')),
    sa.CheckConstraint('(webhook_id IS NULL) <> (email IS NULL)', name=op.f('ck_deliveries_receiver')),
    sa.ForeignKeyConstraint(['project'], ['projects.key'], name=op.f('fk_deliveries_project_projects')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhooks.id'], name=op.f('fk_deliveries_webhook_id_webhooks')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries'))
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_project_id', ['project', 'id'], unique=False)
        batch_op.create_index('ix_deliveries_state_next_at', ['state', 'next_at'], unique=False)

    # Not in batches: SQLite would make the tables anew, which it refuses while rows refer to them.
    op.add_column('audit', sa.Column('address', sa.String(length=64), nullable=True))
    op.create_index('ix_audit_project_at', 'audit', ['project', 'at'])
    op.add_column('projects', sa.Column('approvals', columns.Json(), nullable=True))
    if op.get_bind().dialect.name == 'postgresql':
        op.alter_column('audit', 'actor', type_=sa.String(length=256))
        for statement in POSTGRESQL:
            op.execute(statement)
    else:
        for statement in SQLITE:
            op.execute(statement)


def downgrade() -> None:
    """Move the database back to the revision before."""
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP TRIGGER audit_no_truncate ON audit')
        op.execute('DROP TRIGGER audit_append_only ON audit')
        op.execute('DROP FUNCTION keep_audit()')
    else:
        op.execute('DROP TRIGGER audit_no_delete')
        op.execute('DROP TRIGGER audit_no_update')
    op.drop_column('projects', 'approvals')
    op.drop_index('ix_audit_project_at', 'audit')
    op.drop_column('audit', 'address')
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_state_next_at')
        batch_op.drop_index('ix_deliveries_project_id')

    op.drop_table('deliveries')
    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_webhooks_project'))

    op.drop_table('webhooks')
    with op.batch_alter_table('web_sessions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_web_sessions_user_id'))

    op.drop_table('web_sessions')
    with op.batch_alter_table('personal_tokens', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_personal_tokens_user_id'))

    op.drop_table('personal_tokens')
    op.drop_table('one_time_links')
    with op.batch_alter_table('memberships', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_memberships_project'))

    op.drop_table('memberships')
    with op.batch_alter_table('comments', schema=None) as batch_op:
        batch_op.drop_index('ix_comments_project_experiment')

    op.drop_table('comments')
    with op.batch_alter_table('approval_requests', schema=None) as batch_op:
        batch_op.drop_index('ix_approval_requests_project_state')
        batch_op.drop_index('ix_approval_requests_project_experiment')

    op.drop_table('approval_requests')
    op.drop_table('users')
    op.drop_table('sign_in_failures')
