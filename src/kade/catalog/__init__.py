"""The catalog on SQLAlchemy Core: one code for SQLite and PostgreSQL, a module per noun."""
