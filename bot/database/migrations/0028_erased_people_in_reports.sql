-- Messages to staff about reports that name a person who has all deleted, or quote them: they are written anew.
CREATE TABLE erasure_report (
    erasure_id INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE,
    report_id INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'written', 'out_of_reach')),
    PRIMARY KEY (erasure_id, report_id)
) STRICT, WITHOUT ROWID;
