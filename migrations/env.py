"""How Alembic runs the migrations of abplat: on the connection that it is given."""

from __future__ import annotations

from alembic import context

from abplat.db.upgrade import load_metadata


def run() -> None:
    """Run the migrations on the caller's connection, in the caller's transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=load_metadata(),
        render_as_batch=True,
        user_module_prefix="columns.",
    )
    with context.begin_transaction():
        context.run_migrations()


run()
