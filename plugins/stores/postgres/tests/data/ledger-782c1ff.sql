-- A dump of what the release of commit 782c1ff wrote.
CREATE TABLE apscheduler_jobs (
    id character varying(191) NOT NULL COLLATE pg_catalog."C",
    next_run_time bigint,
    revision bigint NOT NULL,
    job_state text NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', vacuum_index_cleanup='on');
CREATE TABLE apscheduler_jobs_claims (
    token character varying(64) NOT NULL COLLATE pg_catalog."C",
    is_written boolean NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    batch uuid,
    owner uuid,
    claimed bigint,
    entries text
);
CREATE TABLE apscheduler_jobs_owners (
    owner uuid NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    state text NOT NULL,
    heartbeat bigint NOT NULL,
    lease bigint NOT NULL
);
CREATE VIEW apscheduler_jobs_readable AS
 SELECT apscheduler_jobs.id,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((apscheduler_jobs.next_run_time)::double precision * '00:00:00.000001'::interval)) AS next_run_time,
    apscheduler_jobs.revision,
    apscheduler_jobs.job_state
   FROM apscheduler_jobs
  ORDER BY apscheduler_jobs.next_run_time, apscheduler_jobs.id;
CREATE TABLE apscheduler_jobs_runs (
    run_id uuid NOT NULL,
    attempt integer NOT NULL,
    job_id character varying(191) NOT NULL COLLATE pg_catalog."C",
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
    late text
);
CREATE TABLE IF NOT EXISTS apscheduler_meta (
    tablename text PRIMARY KEY,
    version integer NOT NULL
);
INSERT INTO apscheduler_jobs VALUES ('paused', NULL, 810640797489689, '{"version":1,"id":"paused","name":"paused","func":"shop::report","args":[],"kwargs":{},"trigger":{"type":"interval","seconds":60},"executor":"default","misfire_grace_time":1,"coalesce":true,"max_instances":1}');
INSERT INTO apscheduler_jobs VALUES ('report', 1798761660000000, 810640797489690, '{"version":1,"id":"report","name":"report","func":"shop::report","args":[],"kwargs":{},"trigger":{"type":"interval","seconds":60},"executor":"default","misfire_grace_time":1,"coalesce":true,"max_instances":1}');
INSERT INTO apscheduler_jobs_claims VALUES ('b47187203f20401c95725fda96ce092f.0', true, '2026-11-30 11:14:06.537409+00', '01a2ce8b-fb10-7b5e-8611-dfdc9cd5290a', '00000000-0000-0000-0000-000000000007', 1798761610000000, '[["report","01a2ce8b-fb10-7b5e-8611-dfdc9cd5290b",[1798761601000000,1798761610000000]]]');
INSERT INTO apscheduler_jobs_owners VALUES ('00000000-0000-0000-0000-000000000007', 'shop', 'host1', 4711, 'alive', 1796037246498190, 60000000);
INSERT INTO apscheduler_jobs_runs VALUES ('01a2ce8b-fb10-7b5e-8611-dfdc9cd5290b', 1, 'report', 1798761601000000, NULL, 1, 'ok', NULL, '00000000-0000-0000-0000-000000000007', 1798761610000000, 1798761611000000, 1798761612000000, NULL, '{"sold": 3}', NULL, NULL);
INSERT INTO apscheduler_meta VALUES ('apscheduler_jobs', 3);
ALTER TABLE ONLY apscheduler_jobs_claims
    ADD CONSTRAINT apscheduler_jobs_claims_pkey PRIMARY KEY (token);
ALTER TABLE ONLY apscheduler_jobs_owners
    ADD CONSTRAINT apscheduler_jobs_owners_pkey PRIMARY KEY (owner);
ALTER TABLE ONLY apscheduler_jobs
    ADD CONSTRAINT apscheduler_jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY apscheduler_jobs_runs
    ADD CONSTRAINT apscheduler_jobs_runs_pkey PRIMARY KEY (run_id, attempt);
CREATE UNIQUE INDEX apscheduler_jobs_batches ON apscheduler_jobs_claims USING btree (batch) WHERE (batch IS NOT NULL);
CREATE INDEX apscheduler_jobs_next_run_time ON apscheduler_jobs USING btree (next_run_time, id);
CREATE INDEX apscheduler_jobs_runs_by_job ON apscheduler_jobs_runs USING btree (job_id, run_id);
