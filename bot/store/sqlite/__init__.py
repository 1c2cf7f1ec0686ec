"""SQLite files: connections, lock, write count, integrity, backups."""
