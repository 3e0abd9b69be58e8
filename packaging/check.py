"""Reads the examples of packaging/ by their own parsers and compares them with the program.

    python packaging/check.py CAPSCORE
"""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys

import yaml

FOLDER = os.path.dirname(os.path.abspath(__file__))
# What the exit codes mean is said in docs/operations.md.
TRY_AGAIN_LATER = 75


def path(name):
    return os.path.join(FOLDER, name)


def text(name):
    with open(path(name)) as file:
        return file.read()


def check(condition, what):
    if not condition:
        raise SystemExit(f"packaging: {what}")


def accepts(capscore, arguments, where):
    """The program knows the command and all its flags."""
    command, flags = arguments[0], [word for word in arguments[1:] if word.startswith("-")]
    check(command == "run", f"{where} starts {command}")
    known = subprocess.run([capscore, command, "--help"], capture_output=True, text=True).stdout
    for flag in flags:
        check(re.search(rf"{flag}\b", known), f"{where} gives {flag}, which is unknown")


def final_codes():
    """The exit codes for which trying again changes nothing, by the documentation."""
    operations = open(os.path.join(FOLDER, "..", "docs", "operations.md")).read()
    table = operations.split("## Exit codes")[1].split("\n## ")[0]
    codes = [int(code) for code in re.findall(r"^\| (\d+)", table, re.M)]
    check(TRY_AGAIN_LATER in codes, "75 is not documented")
    return sorted(code for code in codes if 0 < code < TRY_AGAIN_LATER)


def main():
    capscore = sys.argv[1]

    service = configparser.ConfigParser(strict=False, interpolation=None)
    service.optionxform = str
    service.read(path("capscore.service"))
    words = service["Service"]["ExecStart"].split()
    accepts(capscore, words[1:], "capscore.service")
    final = [int(code) for code in service["Service"]["RestartPreventExitStatus"].split()]
    check(final == final_codes(), "systemd tries again what is final")
    if shutil.which("systemd-analyze"):
        timer = service["Service"]["ExecStart"]
        verified = subprocess.run(
            ["systemd-analyze", "verify", path("capscore.service"), path("capscore.timer")],
            capture_output=True,
            text=True,
        )
        # The program is not installed here; nothing else may be wrong.
        wrong = [
            line
            for line in verified.stderr.splitlines()
            if "capscore" in line and timer.split()[0] not in line
        ]
        check(not wrong, "\n".join(wrong))
    else:
        print("NOT RUN: systemd-analyze is not installed")

    job = yaml.safe_load(text("cronjob.yaml"))
    check(job["apiVersion"] == "batch/v1" and job["kind"] == "CronJob", "cronjob.yaml is no CronJob")
    check(job["spec"]["concurrencyPolicy"] == "Forbid", "two runs at once")
    template = job["spec"]["jobTemplate"]["spec"]
    pod = template["template"]["spec"]
    check(pod["restartPolicy"] == "Never", "podFailurePolicy needs restartPolicy: Never")
    rules = [rule for rule in template["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    check(rules[0]["action"] == "FailJob", "final codes do not end the job")
    check(sorted(rules[0]["onExitCodes"]["values"]) == final_codes(), "final codes differ")
    check(rules[0]["onExitCodes"]["containerName"] == pod["containers"][0]["name"], "container")
    accepts(capscore, pod["containers"][0]["args"], "cronjob.yaml")
    mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    check(mounts == {volume["name"] for volume in pod["volumes"]}, "volumes and mounts differ")

    apps = yaml.safe_load(text("container-apps-job.yaml"))
    check(apps["type"] == "Microsoft.App/jobs", "no Container Apps job")
    configuration = apps["properties"]["configuration"]
    check(configuration["triggerType"] == "Schedule", "the job has no schedule")
    check(configuration["scheduleTriggerConfig"]["parallelism"] == 1, "two runs at once")
    container = apps["properties"]["template"]["containers"][0]
    accepts(capscore, container["args"], "container-apps-job.yaml")
    secrets = {secret["name"] for secret in configuration["secrets"]}
    check({entry["secretRef"] for entry in container["env"]} <= secrets, "an unknown secret")

    tree = ast.parse(text("airflow_dag.py"))
    lists = [node for node in ast.walk(tree) if isinstance(node, ast.List)]
    words = [
        item.value
        for node in lists
        for item in node.elts
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]
    accepts(capscore, [word for word in words if word != "capscore"], "airflow_dag.py")

    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", text("Containerfile"), re.M)
    copied = re.findall(r"^COPY --from=(\S+)", text("Containerfile"), re.M)
    check(set(copied) <= {name for _, name in stages}, "the Containerfile copies from no stage")
    manifest = open(os.path.join(FOLDER, "..", "Cargo.toml")).read()
    wanted = re.search(r'rust-version = "([\d.]+)"', manifest).group(1)
    check(f"rust:{wanted}-" in stages[0][0], "the Containerfile builds with another Rust")
    print("packaging: all examples are well-formed and give flags that exist")


if __name__ == "__main__":
    main()
