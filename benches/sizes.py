"""Measures ingest and score over bases of other sizes: more and fewer rows of the same customers, and
the same rows of fewer and more partners.

    sizes.py FOLDER CAPSCORE FLOOR [--rounds N] [--write DOCS]

Makes each base once (FOLDER/<size>, 25 GB together) and measures the bare read, an ingest and a score
in turn. With `--write` the tables go into DOCS between their marks.
"""

import argparse
import os
import pathlib
import shutil

import duckdb

from bench import REFERENCE, count_lines, make_base, measure, medians_of, write_between

# Partners, customers of each, services of a customer, months.
SIZES = [
    (1000, 20, 15, 12),
    (1000, 20, 15, 24),
    (1000, 20, 30, 24),
]
# As many rows of usage of few partners with many customers as of many with one. Every partner has
# people, so without the lists of trainings.
PARTNERS = [
    (1000, 75, 15, 3),
    (50000, 1, 15, 3),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("capscore")
    parser.add_argument("floor")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=pathlib.Path)
    return parser.parse_args()


def measured(options, size, left_out=()):
    """Rows of Azure usage, of other exports, and of tables, and what the cases took."""
    folder, deliveries = make_base(options, *size)
    for path in (path for name in left_out for path in deliveries.glob(f"*/{name}*")):
        path.unlink()
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
    # The first reading fetches the files into the page cache.
    measure(list(map(str, commands["floor"])), environment)
    for number in range(options.rounds):
        shutil.rmtree(work, ignore_errors=True)
        for name, command in commands.items():
            taken[name].append(measure(list(map(str, command)), environment))
            print(f"{size}, round {number + 1}: {name}: {taken[name][-1]}", flush=True)
    rows = [sum(count_lines(path) - 1 for path in paths) for paths in (azure, others)]
    rows.append(sum(
        duckdb.read_parquet(str(path)).count("*").fetchall()[0][0]
        for path in (work / "tables").glob(f"*/{REFERENCE}.parquet")
    ))
    shutil.rmtree(work)
    return rows, medians_of(taken)


def main():
    options = arguments()
    lines = [
        "| partners | customers | months | rows of Azure usage | of others | ingest s | × floor "
        "| MiB | score s | MiB | seconds a million rows |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        (azure, others, _), medians = measured(options, size)
        partners, tenants, _, months = size
        floor, ingest, score = (medians[name] for name in ("floor", "ingest", "score"))
        lines.append(
            f"| {partners:,} | {partners * tenants:,} | {months} | {azure:,} | {others:,} "
            f"| {ingest[0]:.1f} | {ingest[0] / floor[0]:.1f} | {ingest[2]:.0f} "
            f"| {score[0]:.1f} | {score[2]:.0f} "
            f"| {(ingest[0] + score[0]) / (azure + others) * 1e6:.2f} |"
        )
    show(options, "sizes", lines)
    lines = [
        "| partners | customers | records | ingest s | MiB | score s | MiB | rows of tables |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in PARTNERS:
        (azure, others, tables), medians = measured(options, size, ("trainings",))
        partners, tenants, _, _ = size
        ingest, score = medians["ingest"], medians["score"]
        lines.append(
            f"| {partners:,} | {partners * tenants:,} | {azure + others:,} "
            f"| {ingest[0]:.1f} | {ingest[2]:.0f} | {score[0]:.1f} | {score[2]:.0f} "
            f"| {tables / 1e6:.1f} million |"
        )
    show(options, "partners", lines)


def show(options, mark, lines):
    text = "\n".join(lines)
    print(f"\n{text}")
    if options.write:
        write_between(options.write, mark, text)


if __name__ == "__main__":
    main()
