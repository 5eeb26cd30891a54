"""Run by alembic: every migration runs on the connection that ``kade.catalog.migrations`` hands over."""

from alembic import context

from kade.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
