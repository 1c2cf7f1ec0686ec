"""How Alembic runs our migrations: inside the connection and the transaction that `migrate.upgrade` hands in."""

from alembic import context

from bot.store.db.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
