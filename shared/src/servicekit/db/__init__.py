"""PostgreSQL through SQLAlchemy Core: engines, units of work, error classes, migrations."""
