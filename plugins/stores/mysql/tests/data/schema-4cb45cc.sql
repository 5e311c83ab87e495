-- The first version of the schema, as the release of commit 4cb45cc creates it.
CREATE TABLE IF NOT EXISTS apscheduler_jobs (
   id varchar(191) NOT NULL PRIMARY KEY,
   next_run_time bigint NULL COMMENT 'microseconds of the Unix epoch; null: paused',
   revision bigint NOT NULL,
   job_state longtext NOT NULL,
   KEY next_run_time (next_run_time, id)
 ) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_changes (slot int NOT NULL PRIMARY KEY, count bigint NOT NULL)
 ENGINE=InnoDB;
CREATE TABLE IF NOT EXISTS apscheduler_jobs_claims (
   token varchar(64) CHARACTER SET ascii NOT NULL PRIMARY KEY,
   is_written bool NOT NULL,
   since timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
 ) ENGINE=InnoDB;
INSERT IGNORE INTO apscheduler_jobs_changes (slot, count) VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 0), (12, 0), (13, 0), (14, 0), (15, 0);
