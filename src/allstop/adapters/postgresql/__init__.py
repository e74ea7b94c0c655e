"""PostgreSQL and PgBouncer: fences, backups proven by a restore, orderly stops, and probes.

Needs psycopg (the extra `postgres`), which is loaded only when something is asked for.
"""
