"""Database: engine, schema, migrations, identity, backup."""
