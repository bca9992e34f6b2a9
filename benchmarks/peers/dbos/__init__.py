"""DBOS Transact on PostgreSQL: a library whose engine runs inside the application."""
