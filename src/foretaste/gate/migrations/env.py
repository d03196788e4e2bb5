"""Run by Alembic on the connection that the journal gives it."""

from alembic import context


def migrate() -> None:
    """Brings the tables to the newest version, or leaves them as they are."""
    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs it
    migrate()
