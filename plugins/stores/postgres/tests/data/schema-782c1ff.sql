-- The third version of the schema: what the release of commit 782c1ff adds.
ALTER TABLE apscheduler_jobs_claims
  ADD COLUMN IF NOT EXISTS batch uuid, ADD COLUMN IF NOT EXISTS owner uuid,
  ADD COLUMN IF NOT EXISTS claimed bigint, ADD COLUMN IF NOT EXISTS entries text;
CREATE UNIQUE INDEX IF NOT EXISTS apscheduler_jobs_batches ON apscheduler_jobs_claims (batch) WHERE batch IS NOT NULL;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_runs (
  run_id uuid NOT NULL,
  attempt integer NOT NULL,
  job_id varchar(191) COLLATE "C" NOT NULL,
  scheduled bigint NOT NULL,
  until bigint,
  count bigint NOT NULL,
  state text NOT NULL,
  reason text,
  owner uuid NOT NULL,
  claimed bigint,
  started bigint,
  ended bigint,
  duration bigint,
  result text,
  error text,
  late text,
  PRIMARY KEY (run_id, attempt)
);
CREATE INDEX IF NOT EXISTS apscheduler_jobs_runs_by_job ON apscheduler_jobs_runs (job_id, run_id);
COMMENT ON TABLE apscheduler_jobs_runs IS 'times in microseconds of the Unix epoch, durations in microseconds';
CREATE TABLE IF NOT EXISTS apscheduler_jobs_owners (
  owner uuid PRIMARY KEY,
  name text NOT NULL,
  host text NOT NULL,
  pid bigint NOT NULL,
  state text NOT NULL,
  heartbeat bigint NOT NULL,
  lease bigint NOT NULL
);
