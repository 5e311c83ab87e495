-- The second version of the schema: what the release of commit 782c1ff adds.
CREATE TABLE IF NOT EXISTS apscheduler_jobs_claims (
    batch BLOB PRIMARY KEY,
    owner BLOB NOT NULL,
    claimed INTEGER NOT NULL,
    entries TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_runs (
    run_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    scheduled INTEGER NOT NULL,
    until INTEGER,
    count INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    owner BLOB NOT NULL,
    claimed INTEGER,
    started INTEGER,
    ended INTEGER,
    duration INTEGER,
    result TEXT,
    error TEXT,
    late TEXT,
    PRIMARY KEY (run_id, attempt)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_owners (
    owner BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    state TEXT NOT NULL,
    heartbeat INTEGER NOT NULL,
    lease INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS apscheduler_jobs_runs_by_job ON apscheduler_jobs_runs (job_id, run_id);
