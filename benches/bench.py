"""Measures the product against a bare CSV read and against what people would write instead.

    bench.py FOLDER CAPSCORE FLOOR [--months N --tenants N --lines N --rounds N] [--write DOCS]

Makes a base once (FOLDER/<size>), then runs all cases in turn, several rounds, and prints the median
wall time, processor time and largest memory of each, and their ratios to the floor and to DuckDB. The
figures of the rivals must be those of the product, or it fails. With `--write` the table goes into
DOCS between its marks.
"""

import argparse
import csv
import gzip
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time
import tomllib
import zlib

import dirty

HERE = pathlib.Path(__file__).parent
REFERENCE = "2026-09"
# The months whose scores are published before the newest one is delivered.
PUBLISHED = ("2026-03", "2026-08")
# One person of so many is no longer on the newest list of trainings.
LEAVING = 200
# What the compared work reads; the other exports would be work that the rivals leave out.
KEPT = ("azure_usage", "cpor_m365_usage", "office_usage", "trainings", "profile")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("capscore")
    parser.add_argument("floor")
    parser.add_argument("--partners", type=int, default=1000)
    parser.add_argument("--tenants", type=int, default=20, help="customers of a partner")
    parser.add_argument("--lines", type=int, default=15, help="services of a customer, on average")
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases, joined by commas")
    parser.add_argument("--threads", default="")
    parser.add_argument("--write", type=pathlib.Path)
    return parser.parse_args()


def make_base(options, partners, tenants, lines, months):
    """The deliveries of a base, unpacked; made once."""
    folder = options.folder / f"{partners}x{tenants}x{lines}x{months}"
    deliveries = folder / "deliveries"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(
            [options.capscore, "generate", "--partners", str(partners)]
            + ["--tenants-per-partner", str(tenants), "--months", str(months)]
            + ["--lines-per-tenant", str(lines), "--last-month", REFERENCE, "--seed", "1"]
            + ["--out", str(folder)],
            check=True,
        )
        for path in sorted(deliveries.glob("*/*")):
            if not path.name.startswith(KEPT):
                path.unlink()
            elif path.suffix == ".gz":
                with gzip.open(path) as packed, open(path.with_suffix(""), "wb") as plain:
                    shutil.copyfileobj(packed, plain, 1 << 20)
                path.unlink()
        (folder / "made").touch()
    return folder, deliveries


def base(options):
    """The deliveries of the base that is measured; the dirty ones beside them."""
    size = (options.partners, options.tenants, options.lines, options.months)
    folder, deliveries = make_base(options, *size)
    if not (folder / "made dirty").exists():
        shutil.rmtree(folder / "dirty", ignore_errors=True)
        dirty.make(deliveries, folder / "dirty")
        (folder / "made dirty").touch()
    return folder, deliveries


def measure(command, environment=None):
    """Wall and processor seconds, and largest memory in MiB, of one process."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:400]}\n{errors.decode()[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder, self.deliveries = base(options)
        self.work = self.folder / "work"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.environment = {**os.environ, "CAPSCORE_PERSON_KEY": "bench"}
        # Only what the base has exports of.
        scope = next(
            version for version in tomllib.loads(rules("security"))["version"]
            if "services" in version
        )
        self.services = ";".join(sorted(next(iter(scope["services"].values()))))

    def capscore(self, *command):
        threads = ["--threads", self.options.threads] if self.options.threads else []
        return [self.options.capscore, *map(str, command), *threads, "--no-progress"]

    def run(self, facts, output, *inputs):
        inputs = [argument for one in inputs for argument in ("--input", one)]
        return self.capscore(
            "run", *inputs, "--facts", facts, "--output", output, "--as-of", REFERENCE
        )

    def copied(self, name):
        """A prepared folder, as it was."""
        target = self.work / "copy"
        shutil.rmtree(target, ignore_errors=True)
        if (self.work / name).exists():
            shutil.copytree(self.work / name, target)
        return target / "facts", target / "tables"

    def prepare(self):
        """The facts and tables of all months, and of all but the newest."""
        months = sorted(self.deliveries.iterdir())
        before = self.work / "before"
        places = ("--facts", before / "facts")
        inputs = (argument for month in months[:-1] for argument in ("--input", month))
        for command in (
            ("ingest", *inputs, *places),
            ("backfill", "--from", PUBLISHED[0], "--to", PUBLISHED[1], *places,
             "--output", before / "tables"),
        ):
            subprocess.run(
                self.capscore(*command), check=True, capture_output=True, env=self.environment
            )
        whole = self.work / "whole"
        command = self.run(whole / "facts", whole / "tables", *months)
        subprocess.run(command, check=True, capture_output=True, env=self.environment)
        self.months = months
        # The newest delivery, as it is when people left.
        self.left = self.work / "left" / months[-1].name
        self.left.mkdir(parents=True)
        for path in months[-1].iterdir():
            if path.name.startswith("trainings"):
                without_leavers(path, self.left / path.name)
            else:
                (self.left / path.name).symlink_to(path.resolve())

    def cases(self):
        azure = sorted(map(str, self.deliveries.glob("*/azure_usage*")))
        soiled = sorted(map(str, self.folder.glob("dirty/*/azure_usage*")))
        def cold():
            return self.run(*self.copied("nothing"), *self.months)
        def month():
            return self.run(*self.copied("before"), *self.months)
        def left():
            return self.run(*self.copied("before"), *self.months[:-1], self.left)
        def same():
            # In place: copies have other change tags, and are looked at as a whole.
            return self.run(self.work / "whole" / "facts", self.work / "whole" / "tables", *self.months)
        def ingest():
            facts, _ = self.copied("nothing")
            inputs = (argument for one in self.months for argument in ("--input", one))
            return self.capscore("ingest", *inputs, "--facts", facts)
        def azure_only(files):
            facts, _ = self.copied("nothing")
            inputs = (argument for one in files for argument in ("--input", one))
            return self.capscore("ingest", *inputs, "--facts", facts)
        def score():
            facts, output = self.copied("whole")
            shutil.rmtree(output)
            return self.capscore(
                "score", "--facts", facts, "--output", output, "--as-of", REFERENCE
            )
        def rival(name):
            return lambda: [
                sys.executable, str(HERE / "rivals" / f"{name}_rival.py"), str(self.deliveries),
                REFERENCE, str(self.work / name), self.services,
            ]
        cases = {
            "floor: bare CSV read of Azure usage": lambda: [self.options.floor, *azure],
            "`ingest`, Azure usage alone": lambda: azure_only(azure),
            "`ingest`, Azure usage alone, dirty": lambda: azure_only(soiled),
            "`ingest`": ingest,
            "`run`, cold": cold,
            "`run`, one new month": month,
            "`run`, one new month, people left": left,
            "`run`, nothing new": same,
            "`score` alone": score,
            "DuckDB SQL": rival("duckdb"),
            "polars, Python": rival("polars"),
        }
        wanted = self.options.only.split(",")
        return {name: case for name, case in cases.items() if any(one in name for one in wanted)}


def rules(area):
    return (HERE.parent / "pipelines" / "rules" / f"{area}.toml").read_text()


def agree(bench):
    """The rivals' figures against the published ones; to the last published digit."""
    import duckdb

    tables = bench.work / "whole" / "tables"
    connection = duckdb.connect()
    def one(sql):
        return connection.execute(sql).fetchall()
    failures = []
    for rival in ("duckdb", "polars"):
        folder = bench.work / rival
        if not folder.exists():
            continue
        columns = ["ttm_usd", "prior_ttm_usd", "last_month_usd", "same_month_last_year_usd"]
        differ = " OR ".join(f"p.{name} IS DISTINCT FROM round(r.{name}, 4)" for name in columns)
        is_zero = " AND ".join(f"coalesce(r.{name}, 0) = 0" for name in columns)
        # The product has no row of a customer without eligible consumption.
        rows, wrong = one(
            f"""SELECT count(*), count(*) FILTER ({differ})
                FROM (SELECT * FROM '{tables}/fact_acr_ttm/{REFERENCE}.parquet' WHERE scope = 'all') p
                FULL JOIN '{folder}/acr_ttm.parquet' r USING (partner_id, tenant_id)
                WHERE NOT (p.partner_id IS NULL AND {is_zero})"""
        )[0]
        print(f"{rival}: {rows} customers of fact_acr_ttm, {wrong} differ")
        adds = one(
            f"""WITH p AS (
                    SELECT partner_id, current_value, baseline_value
                    FROM '{tables}/fact_metric_part/{REFERENCE}.parquet'
                    WHERE area = 'data_ai' AND path = 'enterprise' AND metric = 'net_customer_adds'
                )
                SELECT count(*), count(*) FILTER (
                    current_value IS DISTINCT FROM adds_current
                    OR baseline_value IS DISTINCT FROM adds_baseline)
                FROM p JOIN '{folder}/azure_parts.parquet' r USING (partner_id)
                WHERE current_value IS NOT NULL"""
        )[0]
        print(f"{rival}: {adds[0]} partners' net customer adds, {adds[1]} differ")
        if rows == 0 or wrong or adds[0] == 0 or adds[1]:
            failures.append(rival)
    if failures:
        sys.exit(f"the figures of {' and '.join(failures)} are not those of the product")


def table(bench, medians, rounds):
    options = bench.options
    azure = sorted(bench.deliveries.glob("*/azure_usage*"))
    size = sum(path.stat().st_size for path in azure)
    rows = sum(count_lines(path) - 1 for path in azure)
    others = [path for path in bench.deliveries.glob("*/*") if path not in set(azure)]
    floor = next((value for name, value in medians.items() if name.startswith("floor")), None)
    rival = medians.get("DuckDB SQL")
    lines = [
        f"{rows:,} rows of Azure usage in {len(azure)} files ({size / 1e9:.2f} GB) and "
        f"{sum(count_lines(path) - 1 for path in others):,} rows of other exports; "
        f"{options.partners:,} partners with {options.tenants} customers, {options.months} months. "
        f"The facts take {weight(bench.work / 'whole' / 'facts') / 1e6:.0f} MB, the tables of one "
        f"month {weight(bench.work / 'whole' / 'tables') / 1e6:.0f} MB. "
        f"Medians of {rounds} rounds in turn; {os.cpu_count()} cores, {platform.machine()}.",
        "",
        "| what | wall s | CPU s | memory MiB | wall × floor | CPU × floor | wall × DuckDB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (wall, cpu, memory) in medians.items():
        ratio = lambda value, of: f"{value / of:.2f}" if of else "–"
        lines.append(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} "
            f"| {ratio(wall, floor and floor[0])} | {ratio(cpu, floor and floor[1])} "
            f"| {ratio(wall, rival and rival[0])} |"
        )
    return "\n".join(lines)


def without_leavers(path, target):
    """Copies a list of trainings without some people."""
    with open(path, newline="", encoding="utf-8-sig") as whole, open(target, "w", newline="") as rest:
        rows = csv.DictReader(whole)
        kept = csv.DictWriter(rest, rows.fieldnames)
        kept.writeheader()
        for row in rows:
            if zlib.crc32(row["CorpEmail"].encode()) % LEAVING:
                kept.writerow(row)


def weight(folder):
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def count_lines(path):
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))


def medians_of(measured):
    """The median of each figure of each case."""
    return {
        name: tuple(statistics.median(values) for values in zip(*rounds))
        for name, rounds in measured.items()
    }


def write_between(docs, mark, text):
    """Puts a table between its marks."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, rest = docs.read_text().split(begin, 1)
    _, after = rest.split(end, 1)
    docs.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    options = arguments()
    bench = Bench(options)
    bench.prepare()
    cases = bench.cases()
    measured = {name: [] for name in cases}
    for number in range(options.rounds):
        for name, case in cases.items():
            measured[name].append(measure(case(), bench.environment))
            wall, cpu, memory = measured[name][-1]
            print(f"round {number + 1}: {name}: {wall:.2f} s, CPU {cpu:.2f} s, {memory:.0f} MiB",
                  flush=True)
    medians = medians_of(measured)
    agree(bench)
    text = table(bench, medians, options.rounds)
    print(f"\n{text}")
    if options.write:
        write_between(options.write, "measured", text)
    shutil.rmtree(bench.work)


if __name__ == "__main__":
    main()
