-- An organisation's own prices. What a row means is not known here.
CREATE TABLE prices (
    org        TEXT    NOT NULL REFERENCES orgs (name) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    row        TEXT    NOT NULL,
    changed_us INTEGER NOT NULL,
    changed_by TEXT    NOT NULL,
    PRIMARY KEY (org, key)
) STRICT;
