"""How Alembic reaches the database: ``orthoui.ledger.migrate`` hands over a connection in a transaction."""

from alembic import context

from orthoui.ledger.migrate import VERSION_TABLE
from orthoui.ledger.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
