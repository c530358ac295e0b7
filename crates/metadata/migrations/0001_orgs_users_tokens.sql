-- Times are microseconds since 1970-01-01 UTC.

CREATE TABLE orgs (
    name       TEXT    PRIMARY KEY,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    email         TEXT    PRIMARY KEY COLLATE NOCASE,
    password_hash TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('root')),
    created_us    INTEGER NOT NULL
) STRICT;

-- There is one root login.
CREATE UNIQUE INDEX users_one_root ON users (role) WHERE role = 'root';

-- A token's secret is not kept: only its SHA-256.
CREATE TABLE tokens (
    id           TEXT    PRIMARY KEY,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    org          TEXT    NOT NULL REFERENCES orgs (name) ON DELETE CASCADE,
    scopes       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    created_us   INTEGER NOT NULL,
    expires_us   INTEGER,
    last_used_us INTEGER
) STRICT;

CREATE INDEX tokens_by_org ON tokens (org, created_us);
