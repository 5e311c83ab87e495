"""Adds jobs to a store of APScheduler 3.11.3 and runs them when all are due: how many a second.

usage: apscheduler_stores.py sqlite|sqlalchemy|redis|etcd|rethinkdb|zookeeper URL COUNT
"""
import json
import logging
import os
import sys
import time

# The package etcd3 has code for an older protobuf.
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"

from datetime import datetime, timezone
from urllib.parse import urlparse

from apscheduler.schedulers.background import BackgroundScheduler

logging.disable(logging.CRITICAL)
kind, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
ends = []


def job():
    ends.append(time.perf_counter())


def make_store():
    if kind == "redis":
        from apscheduler.jobstores.redis import RedisJobStore

        place = urlparse(url)
        return RedisJobStore(host=place.hostname, port=place.port, jobs_key="python.jobs", run_times_key="python.times")
    if kind == "etcd":
        from apscheduler.jobstores.etcd import EtcdJobStore

        place = urlparse(url)
        return EtcdJobStore(path="/python", host=place.hostname, port=place.port)
    if kind == "rethinkdb":
        from apscheduler.jobstores.rethinkdb import RethinkDBJobStore

        place = urlparse(url)
        return RethinkDBJobStore(database="python", host=place.hostname, port=place.port)
    if kind == "zookeeper":
        from apscheduler.jobstores.zookeeper import ZooKeeperJobStore

        return ZooKeeperJobStore(path="/python", hosts=url)
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

    driver = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}
    scheme, rest = url.split("://", 1)
    return SQLAlchemyJobStore(url=driver.get(scheme, scheme) + "://" + rest, tablename="python_jobs")


scheduler = BackgroundScheduler(
    timezone=timezone.utc, jobstores={"default": make_store()}, job_defaults={"misfire_grace_time": None}
)
scheduler.start(paused=True)
scheduler.remove_all_jobs()
now = datetime.now(timezone.utc)
start = time.perf_counter()
for _ in range(count):
    scheduler.add_job(job, "interval", hours=1, next_run_time=now)
added = time.perf_counter() - start
start = time.perf_counter()
scheduler.resume()
while len(ends) < count:
    time.sleep(0.005)
run = max(ends) - start
scheduler.remove_all_jobs()
print(json.dumps({"added_per_s": round(count / added), "run_per_s": round(count / run)}), flush=True)
os._exit(0)
