-- The first two versions of the schema, as the release of commit 4cb45cc creates them.
CREATE TABLE apscheduler_jobs (
  id varchar(191) COLLATE "C" PRIMARY KEY,
  next_run_time bigint,
  revision bigint NOT NULL,
  job_state text NOT NULL
) WITH (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, vacuum_index_cleanup = on
);
CREATE INDEX apscheduler_jobs_next_run_time ON apscheduler_jobs (next_run_time, id);
COMMENT ON COLUMN apscheduler_jobs.next_run_time IS 'microseconds of the Unix epoch; null: paused';
CREATE VIEW apscheduler_jobs_readable AS
  SELECT id,
         timestamptz 'epoch' + next_run_time * interval '1 microsecond' AS next_run_time,
         revision, job_state
  FROM apscheduler_jobs ORDER BY apscheduler_jobs.next_run_time, id;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_claims (
  token varchar(64) COLLATE "C" PRIMARY KEY,
  is_written boolean NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);
