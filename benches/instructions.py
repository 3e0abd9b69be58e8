"""Counts the instructions of an ingest and of a score on a small base, one thread, and compares them
with the stored figures.

    instructions.py FOLDER CAPSCORE [--update]

Counts do not depend on what else the machine does. They do depend on the compiler and on the libraries:
after a change of those, look at the difference and store the new figures with `--update`. Needs
valgrind.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

STORED = pathlib.Path(__file__).with_name("instructions.json")
# Percent that a count may grow or shrink.
TOLERANCE = 5
REFERENCE = "2026-09"


def count(folder, name, command):
    """Instructions of one command."""
    output = folder / f"{name}.callgrind"
    environment = {**os.environ, "CAPSCORE_PERSON_KEY": "bench", "POLARS_MAX_THREADS": "1"}
    subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}", *command],
        check=True, stdout=subprocess.DEVNULL, env=environment,
    )
    totals = [line for line in output.read_text().splitlines() if line.startswith("totals:")]
    return int(totals[-1].split()[1])


def main():
    folder, capscore = pathlib.Path(sys.argv[1]), sys.argv[2]
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(
        [capscore, "generate", "--partners", "4", "--tenants-per-partner", "8"]
        + ["--lines-per-tenant", "6", "--months", "24", "--last-month", REFERENCE, "--seed", "1"]
        + ["--out", str(folder)],
        check=True, stdout=subprocess.DEVNULL,
    )
    facts, output = str(folder / "facts"), str(folder / "tables")
    one = ["--threads", "1", "--no-progress", "--log-format", "text"]
    ingest = [capscore, "ingest", "--input", str(folder / "deliveries"), "--facts", facts, *one]
    score = [capscore, "score", "--facts", facts, "--output", output, "--as-of", REFERENCE, *one]
    counted = {"ingest": count(folder, "ingest", ingest), "score": count(folder, "score", score)}
    if "--update" in sys.argv:
        STORED.write_text(json.dumps(counted, indent=2) + "\n")
    stored = json.loads(STORED.read_text())
    failed = False
    for name, instructions in counted.items():
        change = 100 * (instructions - stored[name]) / stored[name]
        failed |= abs(change) > TOLERANCE
        print(f"{name}: {instructions:,} instructions, {change:+.2f} % ({stored[name]:,} stored)")
    if failed:
        sys.exit(f"more than {TOLERANCE} % from what is stored: mend it, or store it with --update")


main()
