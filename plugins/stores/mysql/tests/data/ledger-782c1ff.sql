-- A dump of what the release of commit 782c1ff wrote.
CREATE TABLE `apscheduler_jobs` (
  `id` varchar(191) NOT NULL,
  `next_run_time` bigint(20) DEFAULT NULL COMMENT 'microseconds of the Unix epoch; null: paused',
  `revision` bigint(20) NOT NULL,
  `job_state` longtext NOT NULL,
  PRIMARY KEY (`id`),
  KEY `next_run_time` (`next_run_time`,`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
INSERT INTO `apscheduler_jobs` VALUES ('paused',NULL,3921215442766811,'{\"version\":1,\"id\":\"paused\",\"name\":\"paused\",\"func\":\"shop::report\",\"args\":[],\"kwargs\":{},\"trigger\":{\"type\":\"interval\",\"seconds\":60},\"executor\":\"default\",\"misfire_grace_time\":1,\"coalesce\":true,\"max_instances\":1}');
INSERT INTO `apscheduler_jobs` VALUES ('report',1798761660000000,3921215442766812,'{\"version\":1,\"id\":\"report\",\"name\":\"report\",\"func\":\"shop::report\",\"args\":[],\"kwargs\":{},\"trigger\":{\"type\":\"interval\",\"seconds\":60},\"executor\":\"default\",\"misfire_grace_time\":1,\"coalesce\":true,\"max_instances\":1}');
CREATE TABLE `apscheduler_jobs_batches` (
  `batch` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `owner` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `claimed` bigint(20) NOT NULL,
  `entries` longtext NOT NULL,
  PRIMARY KEY (`batch`),
  KEY `owner` (`owner`,`batch`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
INSERT INTO `apscheduler_jobs_batches` VALUES ('01a2ce8b-fb10-780e-9eea-801353404805','00000000-0000-0000-0000-000000000007',1798761610000000,'[[\"report\",\"01a2ce8b-fb10-780e-9eea-801353404806\",[1798761601000000,1798761610000000]]]');
CREATE TABLE `apscheduler_jobs_changes` (
  `slot` int(11) NOT NULL,
  `count` bigint(20) NOT NULL,
  PRIMARY KEY (`slot`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `apscheduler_jobs_changes` VALUES (-1,1982102091008993);
INSERT INTO `apscheduler_jobs_changes` VALUES (0,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (1,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (2,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (3,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (4,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (5,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (6,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (7,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (8,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (9,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (10,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (11,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (12,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (13,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (14,0);
INSERT INTO `apscheduler_jobs_changes` VALUES (15,1);
CREATE TABLE `apscheduler_jobs_claims` (
  `token` varchar(64) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  `is_written` tinyint(1) NOT NULL,
  `since` timestamp NOT NULL DEFAULT current_timestamp(),
  PRIMARY KEY (`token`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `apscheduler_jobs_claims` VALUES ('00aebdcf559d49a79107190a6bb13375.0',1,'2026-11-30 11:14:06');
CREATE TABLE `apscheduler_jobs_owners` (
  `owner` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` text NOT NULL,
  `host` text NOT NULL,
  `pid` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `heartbeat` bigint(20) NOT NULL,
  `lease` bigint(20) NOT NULL,
  PRIMARY KEY (`owner`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
INSERT INTO `apscheduler_jobs_owners` VALUES ('00000000-0000-0000-0000-000000000007','shop','host1',4711,'alive',1796037246785765,60000000);
CREATE TABLE `apscheduler_jobs_runs` (
  `run_id` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `attempt` int(11) NOT NULL,
  `job_id` varchar(191) NOT NULL,
  `scheduled` bigint(20) NOT NULL COMMENT 'microseconds of the Unix epoch, as all times',
  `until` bigint(20) DEFAULT NULL,
  `count` bigint(20) NOT NULL,
  `state` varchar(20) NOT NULL,
  `reason` varchar(40) DEFAULT NULL,
  `owner` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `claimed` bigint(20) DEFAULT NULL,
  `started` bigint(20) DEFAULT NULL,
  `ended` bigint(20) DEFAULT NULL,
  `duration` bigint(20) DEFAULT NULL COMMENT 'microseconds',
  `result` longtext DEFAULT NULL,
  `error` longtext DEFAULT NULL,
  `late` varchar(20) DEFAULT NULL,
  PRIMARY KEY (`run_id`,`attempt`),
  KEY `job` (`job_id`,`run_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
INSERT INTO `apscheduler_jobs_runs` VALUES ('01a2ce8b-fb10-780e-9eea-801353404806',1,'report',1798761601000000,NULL,1,'ok',NULL,'00000000-0000-0000-0000-000000000007',1798761610000000,1798761611000000,1798761612000000,NULL,'{\"sold\": 3}',NULL,NULL);
CREATE TABLE IF NOT EXISTS `apscheduler_meta` (
  `tablename` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  `version` int(11) NOT NULL,
  PRIMARY KEY (`tablename`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `apscheduler_meta` VALUES ('apscheduler_jobs',2);
