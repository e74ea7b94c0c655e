"""What goes on in a server: sessions by database and state, without anybody's statements."""

from __future__ import annotations

from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.server import Attempt, ServerOptions, administering
from allstop.domain.effects import Outcome, done
from allstop.domain.policy.tables import Scalar

# Statements are left out on purpose: people write secrets into them.
_BY_STATE = """
    SELECT coalesce(datname, '-'), coalesce(usename, '-'), coalesce(application_name, ''), coalesce(state, CASE WHEN backend_type IS NULL THEN 'hidden' ELSE '-' END),
           coalesce(wait_event_type, '-'), count(*)::bigint,
           coalesce(max(extract(epoch FROM now() - xact_start) * 1000), 0)::bigint
    FROM pg_stat_activity
    WHERE (backend_type = 'client backend' OR backend_type IS NULL) AND datname IS NOT NULL
      AND pid <> pg_backend_pid()
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 7 DESC, 1, 2, 3, 4, 5
"""
_SERVER = """
    SELECT (SELECT system_identifier::text FROM pg_control_system()),
           current_setting('server_version'),
           pg_is_in_recovery(),
           current_setting('max_connections')::int,
           (SELECT count(*) FROM pg_prepared_xacts)::bigint,
           (SELECT count(*) FROM pg_stat_replication)::bigint
"""


async def activity(attempt: Attempt[ServerOptions]) -> Outcome:
    """Count the sessions. The table is the evidence, the sums are facts."""
    async with administering(attempt.options, attempt.deadline) as opened:
        server = await opened.row(_SERVER)
        rows = (await opened.rows(_BY_STATE)).rows
    sessions = sum(int(row[5]) for row in rows)
    idle = sum(int(row[5]) for row in rows if str(row[3]).startswith("idle in transaction"))
    facts: dict[str, Scalar] = {
        "system_identifier": str(server[0]),
        "version": one_line(str(server[1]), 40),
        "in_recovery": bool(server[2]),
        "max_connections": int(server[3]),
        "prepared_transactions": int(server[4]),
        "replicas": int(server[5]),
        "sessions": sessions,
        "idle_in_transaction": idle,
        "hidden": sum(int(row[5]) for row in rows if row[3] == "hidden"),
        "oldest_transaction_ms": max((int(row[6]) for row in rows), default=0),
    }
    lines = ["database\tuser\tapplication\tstate\twaits for\tsessions\toldest transaction, ms"]
    lines += ["\t".join(one_line(str(value), 100) for value in row) for row in rows]
    evidence = attempt.keep(("\n".join(lines) + "\n").encode("utf-8", "replace"))
    return done(f"{sessions} sessions, {idle} idle in a transaction", facts, evidence)
