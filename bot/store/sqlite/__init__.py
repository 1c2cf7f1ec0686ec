"""SQLite files: the lock, the generation, integrity."""
