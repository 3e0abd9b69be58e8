#!/usr/bin/env python3
"""Reads the Delta tables of capscore with the engines that people use, past their first checkpoint.

    readers/delta.py BINARY SAMPLE_DATA [--spark]

Builds nothing. Publishes a month after the other, so that each table of a month gets a commit a
month, and holds every Delta table in every reader against the Parquet files: columns, types, rows,
and the sums of all numbers. Then a month is published anew, rolled back and vacuumed, and read again.
With --spark, Spark alone reads the Parquet files: its client and Sail's do not fit into one
environment. Prints one line per check; exits with 1 when a check failed.
"""

import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile

import deltalake
import duckdb
import duckdb_extension_delta
import polars
import pyarrow.parquet

from program import Program, same

MONTHS = [f"2025-{month:02}" for month in range(8, 13)] + [f"2026-{m:02}" for m in range(1, 10)]
# How contract types are called in a Delta log.
DELTA = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DECIMAL(19,4)": "decimal(19,4)",
    "DECIMAL(19,6)": "decimal(19,6)",
}
ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY"}

failures = []


def check(name, test):
    """Runs one check; `test` returns what to add to its line."""
    try:
        note = test()
    except Exception as error:  # every failure is one line, and the next check still runs
        failures.append(name)
        print(f"FAIL  {name}: {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
        return
    print(f"ok    {name}{f': {note}' if note else ''}", flush=True)


class Tables:
    """The published tables: what the Parquet files say, and what each engine finds in the Delta."""

    def __init__(self, folder, schema):
        self.folder = folder
        # Tables of one run are in no Delta table.
        self.schema = {t["name"]: t for t in schema["tables"]
                       if t["name"] != "fact_change" and "<run_id>" not in t["files"]}
        self.duckdb = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        extension = pathlib.Path(duckdb_extension_delta.__file__).parent / "extensions/v1.4.4"
        self.duckdb.execute(f"LOAD '{extension}/delta.duckdb_extension'")

    def delta(self, name):
        return self.folder / "delta" / name.lstrip("_")

    def parquet(self, name):
        """The published files of a table."""
        return sorted(self.folder.glob(self.schema[name]["files"].replace("<YYYY-MM>", "????-??")))

    def sums(self, name):
        """SQL that adds up everything of a table that can be added up, exactly."""
        parts = ["count(*)"]
        for column in self.schema[name]["columns"]:
            at = f'"{column["name"]}"'
            parts.append(f"count({at})")
            if column["type"] == "BIGINT" or column["type"].startswith("DECIMAL"):
                parts.append(f"sum({at})")
            if column["type"] == "VARCHAR":
                parts.append(f"sum(length({at}))")
        return ", ".join(parts)

    def expected(self, name):
        listed = ", ".join(f"'{path}'" for path in self.parquet(name))
        return self.number(self.duckdb.execute(
            f"SELECT {self.sums(name)} FROM read_parquet([{listed}])").fetchone())

    @staticmethod
    def number(row):
        """Decimals of any scale, integers and nulls as one kind of value."""
        return [None if value is None else str(value).rstrip("0").rstrip(".") if "." in str(value)
                else str(value) for value in row]

    # One function an engine: the sums of a Delta table.

    def of_duckdb(self, name):
        return self.duckdb.execute(
            f"SELECT {self.sums(name)} FROM delta_scan('{self.delta(name)}')").fetchone()

    def of_deltalake(self, name):
        table = deltalake.DeltaTable(self.delta(name)).to_pyarrow_table()
        self.duckdb.register("held", table)
        return self.duckdb.execute(f"SELECT {self.sums(name)} FROM held").fetchone()

    def of_polars(self, name):
        held = polars.scan_delta(str(self.delta(name))).collect().to_arrow()
        self.duckdb.register("held", held)
        return self.duckdb.execute(f"SELECT {self.sums(name)} FROM held").fetchone()


def check_tables(tables, engines, when, names=None):
    for engine, read in engines.items():
        def all_tables():
            rows = 0
            for name in names or tables.schema:
                expected = tables.expected(name)
                same(name, tables.number(read(name)), expected)
                rows += int(expected[0])
            return f"{len(names or tables.schema)} tables, {rows} rows"
        check(f"{engine} {when}", all_tables)


def check_log(tables):
    """Types, checkpoints and encodings."""
    def types():
        for name, table in tables.schema.items():
            found = json.loads(deltalake.DeltaTable(tables.delta(name)).schema().to_json())["fields"]
            same(name, [(field["name"], field["type"]) for field in found],
                 [(column["name"], DELTA[column["type"]]) for column in table["columns"]])
        return f"{len(tables.schema)} tables"

    def checkpoints():
        past = 0
        for name, table in tables.schema.items():
            log = tables.delta(name) / "_delta_log"
            hints = list(log.glob("_last_checkpoint"))
            if "YYYY-MM" in table["files"]:
                assert hints, f"{name} has no checkpoint"
            for hint in hints:
                version = json.loads(hint.read_text())["version"]
                newest = deltalake.DeltaTable(tables.delta(name)).version()
                past += newest > version
        assert past > 5, past
        return f"{past} tables are past one"

    def encodings():
        seen = set()
        for file in (tables.folder / "delta").rglob("*.parquet"):
            metadata = pyarrow.parquet.ParquetFile(file).metadata
            for group in range(metadata.num_row_groups):
                row_group = metadata.row_group(group)
                for column in range(row_group.num_columns):
                    seen.update(row_group.column(column).encodings)
        assert seen <= ENCODINGS, seen
        return ", ".join(sorted(seen))

    def comments():
        fields = deltalake.DeltaTable(tables.delta("fact_area_score")).schema().fields
        assert all(field.metadata.get("comment") for field in fields)

    def skipping():
        """Readers pass over the files of other months."""
        actions = deltalake.DeltaTable(tables.delta("fact_area_score")).get_add_actions(flatten=True)
        held = polars.DataFrame(actions).to_dict(as_series=False)
        months = [str(value)[:7] for value in held["min.as_of_month"]]
        same("months", sorted(months), MONTHS)
        same("most", held["max.as_of_month"], held["min.as_of_month"])

    check("types in the log", types)
    check("checkpoints", checkpoints)
    check("encodings of data and checkpoints", encodings)
    check("meanings of columns", comments)
    check("months of files", skipping)


def check_history(tables, program, engines):
    """A month anew, its rollback, and the end of what was left behind."""
    runs = lambda: program("runs", "list", "--output", "tables")
    versions = {name: deltalake.DeltaTable(tables.delta(name)).version() for name in tables.schema}

    def unchanged():
        program("score", "--facts", "facts", "--output", "tables", "--as-of", MONTHS[-1])
        for name, version in versions.items():
            same(name, deltalake.DeltaTable(tables.delta(name)).version(), version)
    check("nothing is committed when nothing changed", unchanged)

    before = tables.expected("fact_area_score")
    first = next(line.split()[0] for line in runs().splitlines() if MONTHS[-1] in line)

    def anew():
        program("facts", "retract", "2026-10-01", "--dataset", "azure_usage", "--facts", "facts")
        program("score", "--facts", "facts", "--output", "tables", "--as-of", MONTHS[-1])
        assert tables.expected("fact_area_score") != before
        name = "fact_area_score"
        version = deltalake.DeltaTable(tables.delta(name)).version()
        assert version == versions[name] + 1, (version, versions[name])
    check("one commit replaces the months that changed", anew)
    check_tables(tables, engines, "after a restatement")

    def back():
        program("runs", "rollback", first, "--output", "tables")
        same("run", next(line.split()[0] for line in runs().splitlines()
                         if MONTHS[-1] in line and " held " in line), first)
        told = program("score", "--facts", "facts", "--output", "tables", "--as-of", MONTHS[-1])
        assert f"already as run {first}" in told, told
    check("a month that was rolled back stays so", back)
    check_tables(tables, engines, "after a rollback")

    def vacuumed():
        count = lambda: len(list((tables.folder / "delta").rglob("*.parquet")))
        files = count()
        program("runs", "vacuum", "--output", "tables")
        same("files within seven days", count(), files)
        for file in tables.folder.rglob("*"):
            os.utime(file, (1_700_000_000, 1_700_000_000))
        program("runs", "vacuum", "--output", "tables")
        assert count() < files, count()
        return f"{files - count()} of {files} files went"
    check("vacuum", vacuumed)
    check_tables(tables, engines, "after a vacuum")


def check_struck(program, schema):
    """Rows that another writer struck from a table come back."""
    shutil.copytree(program.home / "tables", program.home / "struck")
    tables = Tables(program.home / "struck", schema)
    name = "fact_area_score"
    log = tables.delta(name) / "_delta_log"
    version = deltalake.DeltaTable(tables.delta(name)).version()
    add = next(json.loads(line)["add"] for line in reversed(
        (log / f"{version:020}.json").read_text().splitlines()) if '"add"' in line)
    # A bitmap of row 0: the magic of the format, one bitmap with key 0, one container with one value.
    bitmap = struct.pack("<IQIIIHHIH", 1681511377, 1, 0, 12346, 1, 0, 0, 16, 0)
    vector = {"storageType": "i", "pathOrInlineDv": z85(bitmap), "sizeInBytes": len(bitmap),
              "cardinality": 1}
    features = ["deletionVectors"]
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features,
                      "writerFeatures": features}},
        {"remove": {"path": add["path"], "deletionTimestamp": 1, "dataChange": True}},
        {"add": {**add, "deletionVector": vector}},
    ]
    (log / f"{version + 1:020}.json").write_text("\n".join(map(json.dumps, actions)))

    def back():
        expected = tables.expected(name)
        struck = tables.number(tables.of_duckdb(name))
        same("rows while one is struck", int(struck[0]), int(expected[0]) - 1)
        program("score", "--facts", "facts", "--output", "struck", "--as-of", MONTHS[-1])
        same(name, tables.number(tables.of_duckdb(name)), expected)
    check("rows that others struck", back)


def z85(data):
    """The text of some bytes in Delta's base 85."""
    digits = ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
              ".-:+=^!/*?&<>()[]{}@%$#")
    data += bytes(-len(data) % 4)
    text = ""
    for at in range(0, len(data), 4):
        number = int.from_bytes(data[at:at + 4], "big")
        text += "".join(digits[number // 85 ** power % 85] for power in range(4, -1, -1))
    return text


def sail(tables):
    """Sail: Spark's interface without Spark."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer(port=0)
    server.start(background=True)
    _, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate()

    def read(name):
        spark.read.format("delta").load(str(tables.delta(name))).createOrReplaceTempView("held")
        sums = tables.sums(name).replace(chr(34), "`")
        return tuple(spark.sql(f"SELECT {sums} FROM held").first())
    read.server = server  # it ends with its last reference
    return read


def check_spark(tables):
    """Real Spark on the Parquet files."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.sql.shuffle.partitions", "2").getOrCreate())

    def read(name):
        files = [str(path) for path in tables.parquet(name)]
        spark.read.parquet(*files).createOrReplaceTempView("held")
        sums = tables.sums(name).replace(chr(34), "`")
        return tuple(spark.sql(f"SELECT {sums} FROM held").first())
    # Spark passes over paths that start with an underscore.
    names = [name for name, table in tables.schema.items() if not table["files"].startswith("_")]
    check_tables(tables, {"spark": read}, "on the Parquet files", names)
    spark.stop()


def main():
    binary, sample = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        program = Program(binary, home)
        schema = json.loads(program("schema", "export", "--format", "json"))
        program("ingest", "--input", str(sample / "deliveries"), "--facts", "facts")
        for month in MONTHS:
            program("score", "--facts", "facts", "--output", "tables", "--as-of", month,
                    "--format", "parquet,delta")
        tables = Tables(home / "tables", schema)
        if "--spark" in sys.argv:
            check_spark(tables)
        else:
            engines = {"deltalake": tables.of_deltalake, "polars": tables.of_polars,
                       "duckdb": tables.of_duckdb, "sail": sail(tables)}
            check_log(tables)
            check_tables(tables, engines, "past a checkpoint")
            check_struck(program, schema)
            check_history(tables, program, engines)
        print("not run: Spark on the Delta tables (PyPI has no Delta library for it)")
    if failures:
        print(f"{len(failures)} checks failed")
    # Sail's server waits for its tasks for ever.
    sys.stdout.flush()
    os._exit(1 if failures else 0)


if __name__ == "__main__":
    main()
