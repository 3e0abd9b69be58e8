"""Measures ingest and score over bases of other sizes: more and fewer rows of the same customers.

    sizes.py FOLDER CAPSCORE FLOOR [--rounds N] [--write DOCS]

Makes each base once (FOLDER/<size>, 20 GB together) and measures the bare read, an ingest and a score
in turn. With `--write` the table goes into DOCS between its marks.
"""

import argparse
import os
import pathlib
import shutil

from bench import REFERENCE, count_lines, make_base, measure, medians_of, write_between

# Partners, customers of each, services of a customer, months.
SIZES = [
    (1000, 20, 15, 12),
    (1000, 20, 15, 24),
    (1000, 20, 30, 24),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("capscore")
    parser.add_argument("floor")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=pathlib.Path)
    return parser.parse_args()


def measured(options, size):
    """Rows of Azure usage, rows of other exports, and what the cases took."""
    folder, deliveries = make_base(options, *size)
    azure = sorted(deliveries.glob("*/azure_usage*"))
    others = [path for path in deliveries.glob("*/*") if path not in set(azure)]
    months = [argument for month in sorted(deliveries.iterdir()) for argument in ("--input", month)]
    work = folder / "sizes"
    environment = {**os.environ, "CAPSCORE_PERSON_KEY": "bench"}
    places = ["--facts", work / "facts", "--output", work / "tables", "--as-of", REFERENCE]
    commands = {
        "floor": [options.floor, *azure],
        "ingest": [options.capscore, "ingest", *months, "--facts", work / "facts", "--no-progress"],
        "score": [options.capscore, "score", *places, "--no-progress"],
    }
    taken = {name: [] for name in commands}
    for number in range(options.rounds):
        shutil.rmtree(work, ignore_errors=True)
        for name, command in commands.items():
            taken[name].append(measure(list(map(str, command)), environment))
            print(f"{size}, round {number + 1}: {name}: {taken[name][-1]}", flush=True)
    shutil.rmtree(work)
    rows = [sum(count_lines(path) - 1 for path in paths) for paths in (azure, others)]
    return rows, medians_of(taken)


def main():
    options = arguments()
    lines = [
        "| partners | customers | months | rows of Azure usage | of others | ingest s | × floor "
        "| MiB | score s | MiB | seconds a million rows |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        (azure, others), medians = measured(options, size)
        partners, tenants, _, months = size
        floor, ingest, score = (medians[name] for name in ("floor", "ingest", "score"))
        lines.append(
            f"| {partners:,} | {partners * tenants:,} | {months} | {azure:,} | {others:,} "
            f"| {ingest[0]:.1f} | {ingest[0] / floor[0]:.1f} | {ingest[2]:.0f} "
            f"| {score[0]:.1f} | {score[2]:.0f} "
            f"| {(ingest[0] + score[0]) / (azure + others) * 1e6:.2f} |"
        )
    text = "\n".join(lines)
    print(f"\n{text}")
    if options.write:
        write_between(options.write, "sizes", text)


if __name__ == "__main__":
    main()
