-- Re-pricings that were asked for, and what became of each. What a job means is not known here.
CREATE TABLE repricings (
    id    TEXT    NOT NULL PRIMARY KEY,
    org   TEXT    NOT NULL REFERENCES orgs (name) ON DELETE CASCADE,
    ended INTEGER NOT NULL,
    job   TEXT    NOT NULL
) STRICT;
CREATE INDEX repricings_of_org ON repricings (org, id);
