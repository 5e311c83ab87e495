-- The second version of the schema: what the release of commit 782c1ff adds.
CREATE TABLE IF NOT EXISTS apscheduler_jobs_batches (
   batch char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
   owner char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
   claimed bigint NOT NULL,
   entries longtext NOT NULL,
   KEY owner (owner, batch)
 ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_runs (
   run_id char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
   attempt int NOT NULL,
   job_id varchar(191) NOT NULL,
   scheduled bigint NOT NULL COMMENT 'microseconds of the Unix epoch, as all times',
   until bigint NULL,
   count bigint NOT NULL,
   state varchar(20) NOT NULL,
   reason varchar(40) NULL,
   owner char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
   claimed bigint NULL,
   started bigint NULL,
   ended bigint NULL,
   duration bigint NULL COMMENT 'microseconds',
   result longtext NULL,
   error longtext NULL,
   late varchar(20) NULL,
   PRIMARY KEY (run_id, attempt),
   KEY job (job_id, run_id)
 ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_owners (
   owner char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
   name text NOT NULL,
   host text NOT NULL,
   pid bigint NOT NULL,
   state varchar(20) NOT NULL,
   heartbeat bigint NOT NULL,
   lease bigint NOT NULL
 ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
