-- What an organisation has set for itself, and for single streams; '' is no stream's name and stands for all of them.
CREATE TABLE privacy (
    org TEXT NOT NULL REFERENCES orgs (name) ON DELETE CASCADE,
    stream TEXT NOT NULL,
    setting TEXT NOT NULL,
    changed_us INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (org, stream)
) STRICT;
