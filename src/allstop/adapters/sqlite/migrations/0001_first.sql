-- The first schema. Times are RFC 3339 texts in UTC with microseconds, so they sort as text.

-- What the database knows about itself.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The log. Nothing in it is ever changed or removed.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    schema INTEGER NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    cause TEXT NOT NULL,
    body TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_stream ON events (stream, version);
CREATE TRIGGER events_keep BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
-- Without this one, INSERT OR REPLACE could rewrite an entry.
CREATE TRIGGER events_grow BEFORE INSERT ON events
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM events)
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

-- Effects: what is to be done in the world. digest: SHA-256 of effect; token: of the live claim;
-- attempt: how often it was acted upon; claims: how often it was taken, for acting or observing.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    effect TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'claimed', 'unknown', 'parked', 'done', 'failed')),
    attempt INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0,
    due_at TEXT NOT NULL,
    token TEXT,
    incarnation TEXT NOT NULL DEFAULT '',
    because TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outbox_waiting ON outbox (lane, due_at, seq) WHERE state IN ('pending', 'unknown');
CREATE UNIQUE INDEX outbox_claimed ON outbox (token) WHERE token IS NOT NULL;
CREATE INDEX outbox_by_stream ON outbox (stream, seq);

-- Compiled policies by SHA-256 of their canonical JSON.
CREATE TABLE policies (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER policies_keep BEFORE UPDATE ON policies
BEGIN SELECT RAISE(ABORT, 'policies are append-only'); END;
CREATE TRIGGER policies_stay BEFORE DELETE ON policies
BEGIN SELECT RAISE(ABORT, 'policies are append-only'); END;

-- Large or sensitive bodies by SHA-256; they stand beside the log so that they can be redacted.
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- Refused commands; only the newest are kept. reasons: JSON list of texts.
CREATE TABLE refusals (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    command TEXT NOT NULL,
    reasons TEXT NOT NULL
) STRICT;

-- Answers by idempotency key, for a day.
CREATE TABLE replies (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    body TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX replies_by_age ON replies (at);

-- Bearer tokens by SHA-256 of the secret.
CREATE TABLE tokens (
    digest TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    expires_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_principal ON tokens (principal);

-- Signed statements about the log up to a position.
CREATE TABLE checkpoints (
    position INTEGER PRIMARY KEY,
    chain TEXT NOT NULL,
    at TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE TRIGGER checkpoints_keep BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER checkpoints_stay BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
