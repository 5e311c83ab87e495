-- The first version of the schema, as the release of commit 4cb45cc creates it.
CREATE TABLE apscheduler_jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    next_run_time INTEGER
        CONSTRAINT "next_run_time is a whole number of microseconds since 1970-01-01 UTC, or null for a paused job"
        CHECK (typeof(next_run_time) IN ('integer', 'null')),
    revision INTEGER NOT NULL
        CONSTRAINT "revision is a whole number" CHECK (typeof(revision) = 'integer'),
    job_state TEXT
);
CREATE INDEX apscheduler_jobs_due ON apscheduler_jobs (next_run_time) WHERE typeof(next_run_time) = 'integer';
CREATE INDEX apscheduler_jobs_paused ON apscheduler_jobs (id) WHERE typeof(next_run_time) <> 'integer';
CREATE VIEW apscheduler_jobs_readable AS SELECT
    id,
    strftime('%Y-%m-%dT%H:%M:%S', (next_run_time - micros) / 1000000, 'unixepoch')
        || printf('.%06dZ', micros) AS next_run_time,
    CASE WHEN json_valid(job_state) THEN job_state ->> '$.name' END AS name,
    CASE WHEN json_valid(job_state) THEN job_state ->> '$.func' END AS func,
    CASE WHEN json_valid(job_state) THEN job_state ->> '$.trigger' END AS "trigger",
    revision
    FROM (SELECT *, (next_run_time % 1000000 + 1000000) % 1000000 AS micros FROM apscheduler_jobs) AS jobs
    ORDER BY jobs.next_run_time IS NULL, jobs.next_run_time, id;
