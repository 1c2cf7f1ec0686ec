"""Command line: ``ftjob run | check | audit | db | manifest | try``."""
