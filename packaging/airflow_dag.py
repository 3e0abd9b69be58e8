"""Airflow: a run every night, never two at once.

Exit code 75 means "try again later" and is the only one that is tried again; 3 ("nothing to work
on") skips the rest of the DAG instead of failing it.
"""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.sdk import DAG, task

NOTHING_TO_WORK_ON = 3
TRY_AGAIN_LATER = 75

with DAG(
    dag_id="capscore",
    description="Score the partner base",
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 4, "retry_delay": timedelta(minutes=10)},
):

    @task
    def run() -> None:
        command = ["capscore", "run", "--config", "/etc/capscore/job.toml"]
        status = subprocess.run([*command, "--log-format", "json", "--no-progress"]).returncode
        if status == 0:
            return
        if status == NOTHING_TO_WORK_ON:
            raise AirflowSkipException("no export was found")
        if status == TRY_AGAIN_LATER:
            raise AirflowException("the store did not answer")
        raise AirflowFailException(f"capscore ended with exit code {status}")

    run()
