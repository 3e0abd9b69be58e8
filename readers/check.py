#!/usr/bin/env python3
"""Reads what capscore publishes with the readers that people use: DuckDB, pandas and pyarrow.

    readers/check.py BINARY SAMPLE_DATA

Builds nothing. Runs the program on the sample deliveries into a temporary folder, opens every
published file with each reader, holds rows, types, values, nulls and keys against the manifest and
against `capscore schema export`, runs the examples of the README, and holds the worked examples,
commands and queries of docs/ against what the program says. Prints one line per check; exits with 1
when a check failed.
"""

import datetime
import decimal
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import duckdb
import pandas
import pyarrow
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet

from program import Program, same

ROOT = pathlib.Path(__file__).resolve().parent.parent
AS_OF = "2026-09"

# How a published type arrives in each reader. Text must be plain text: pyarrow cannot filter, sort
# or join `string_view`, and pyarrow before 15 cannot even open a file that names it.
ARROW = {
    "VARCHAR": (pyarrow.string(), pyarrow.large_string()),
    "BIGINT": (pyarrow.int64(),),
    "BOOLEAN": (pyarrow.bool_(),),
    "DATE": (pyarrow.date32(),),
    "DECIMAL(19,4)": (pyarrow.decimal128(19, 4),),
    "DECIMAL(19,6)": (pyarrow.decimal128(19, 6),),
}
PYTHON = {
    "VARCHAR": str,
    "BIGINT": int,
    "BOOLEAN": bool,
    "DATE": datetime.date,
    "DECIMAL(19,4)": decimal.Decimal,
    "DECIMAL(19,6)": decimal.Decimal,
}
ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY"}

# Checks that fail today, and why. One that passes again fails the run: then remove it from here.
KNOWN = {}

failures = []


def check(name, test):
    """Runs one check; `test` returns what to add to its line."""
    try:
        note = test()
    except Exception as error:  # every failure is one line, and the next check still runs
        text = " ".join(str(error).split())
        kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
        if name in KNOWN:
            print(f"known {name}: {kind}{text} ({KNOWN[name]})", flush=True)
            return
        failures.append(name)
        print(f"FAIL  {name}: {kind}{text}", flush=True)
        return
    if name in KNOWN:
        failures.append(name)
        print(f"FAIL  {name}: passes again, so remove it from KNOWN", flush=True)
        return
    print(f"ok    {name}{f': {note}' if note else ''}", flush=True)


class Home:
    """The temporary folder with the published tables, and what they should be."""

    def __init__(self, program, home, sample, schema):
        self.program = program
        self.home = home
        self.sample = sample
        self.folder = home / "tables"
        self.schema = {table["name"]: table for table in schema["tables"]}
        manifests = list(self.folder.glob("_runs/*/manifest.json"))
        same("manifests", len(manifests), 1)
        self.manifest = json.loads(manifests[0].read_text())

    def files(self):
        """Every published file with its table: (relative path, table)."""
        patterns = []
        for table in self.schema.values():
            pattern = re.escape(table["files"])
            pattern = pattern.replace("<YYYY\\-MM>", r"\d{4}-\d\d")
            patterns.append((pattern.replace("<run_id>", "[0-9a-f]{32}"), table))
        found = []
        for path in sorted(self.folder.rglob("*.parquet")):
            name = path.relative_to(self.folder).as_posix()
            tables = [table for pattern, table in patterns if re.fullmatch(pattern, name)]
            same(f"tables of {name}", len(tables), 1)
            found.append((name, tables[0]))
        return found

    def shell(self, text):
        """Runs the commands of a page, with the binary as `capscore`; what they print."""
        called = f'capscore() {{ {shlex.quote(self.program.binary)} "$@"; }}'
        done = subprocess.run(
            ["bash", "-euc", f"{called}\n{text}"],
            cwd=self.home,
            env=self.program.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def query(self, text):
        """Runs SQL where `tables/` is a folder."""
        there = os.getcwd()
        os.chdir(self.home)
        try:
            return duckdb.connect().execute(text).fetchall()
        finally:
            os.chdir(there)


def check_file(home, name, table):
    """One published file in all readers."""
    path = home.folder / name
    quoted = f"'tables/{name}'"
    columns = table["columns"]
    names = [column["name"] for column in columns]
    arrow = pyarrow.parquet.read_table(path)
    frame = pandas.read_parquet(path)

    def rows():
        listed = {output["path"]: output["rows"] for output in home.manifest["outputs"]}
        counts = {
            "duckdb": home.query(f"SELECT count(*) FROM {quoted}")[0][0],
            "pandas": len(frame),
            "pyarrow": arrow.num_rows,
            "manifest": listed[name],
        }
        assert len(set(counts.values())) == 1, counts
        return f"{arrow.num_rows} rows in each reader and in the manifest"

    def types():
        described = home.query(f"DESCRIBE SELECT * FROM {quoted}")
        same("duckdb", [(row[0], row[1]) for row in described],
             [(column["name"], column["type"]) for column in columns])
        same("pandas columns", list(frame.columns), names)
        same("pyarrow columns", arrow.schema.names, names)
        for column in columns:
            if column["type"] == "VARCHAR":
                continue  # a check of its own, over all files
            found = arrow.schema.field(column["name"]).type
            assert found in ARROW[column["type"]], f"{column['name']} is {found} in pyarrow"
        for column in columns:
            values = frame[column["name"]].dropna()
            if len(values) and not (column["type"] == "BIGINT" and column["nullable"]):
                value = values.iloc[0].item() if hasattr(values.iloc[0], "item") else values.iloc[0]
                expected = PYTHON[column["type"]]
                assert isinstance(value, expected), f"{column['name']} is {type(value)} in pandas"
        return f"{len(columns)} columns as the schema says"

    def nulls():
        for column in columns:
            if column["nullable"]:
                continue
            at = column["name"]
            same(f"nulls of {at} in pyarrow", arrow.column(at).null_count, 0)
            same(f"nulls of {at} in pandas", int(frame[at].isna().sum()), 0)
        counts = ", ".join(f'count(*) - count("{column["name"]}")' for column in columns)
        found = home.query(f"SELECT {counts} FROM {quoted}")[0]
        for column, count in zip(columns, found):
            assert column["nullable"] or count == 0, f"nulls of {column['name']} in duckdb"

    def values():
        compared = 0
        for column in columns:
            at = column["name"]
            if column["type"].startswith("DECIMAL") or column["type"] == "BIGINT":
                there = home.query(f'SELECT sum("{at}") FROM {quoted}')[0][0]
                cells = [value for value in arrow.column(at).to_pylist() if value is not None]
                same(f"sum of {at}", sum(cells) if cells else None, there)
                if column["type"].startswith("DECIMAL"):
                    same(f"sum of {at} in pandas", sum(frame[at].dropna()), sum(cells))
            elif column["type"] == "DATE":
                there = home.query(f'SELECT min("{at}"), max("{at}") FROM {quoted}')[0]
                cells = [value for value in arrow.column(at).to_pylist() if value is not None]
                same(f"range of {at}", (min(cells, default=None), max(cells, default=None)), there)
                if at.endswith("_month"):
                    assert all(day.day == 1 for day in cells), f"{at} has days inside a month"
            else:
                continue
            compared += 1
        return f"sums and ranges of {compared} columns agree" if compared else None

    def keys():
        if not table["key"]:
            return "no key"
        key = ", ".join(f'"{column}"' for column in table["key"])
        twice = home.query(f"SELECT {key} FROM {quoted} GROUP BY ALL HAVING count(*) > 1 LIMIT 1")
        assert not twice, f"there twice: {twice[0]}"

    def storage():
        groups = pyarrow.parquet.ParquetFile(path).metadata
        for group in range(groups.num_row_groups):
            for column in range(groups.num_columns):
                chunk = groups.row_group(group).column(column)
                same("compression", chunk.compression, "ZSTD")
                other = set(chunk.encodings) - ENCODINGS
                assert not other, f"{chunk.path_in_schema} uses {', '.join(other)}"

    for what, test in [
        ("rows", rows),
        ("types", types),
        ("nulls", nulls),
        ("values", values),
        ("key", keys),
        ("storage", storage),
    ]:
        check(f"{re.sub('[0-9a-f]{32}', '<run_id>', name)}: {what}", test)


def check_text(home, files):
    """What people do with text columns, in the two Arrow readers."""
    scores = home.folder / "fact_area_score"
    partners = home.folder / "dim_partner.parquet"

    def plain():
        for name, table in files:
            schema = pyarrow.parquet.read_schema(home.folder / name)
            for column in table["columns"]:
                found = schema.field(column["name"]).type
                if column["type"] == "VARCHAR":
                    assert found in ARROW["VARCHAR"], f"{name}: {column['name']} is {found}"

    def arrow():
        there = pyarrow.dataset.dataset(scores, format="parquet")
        found = there.to_table(filter=pc.field("area") == "security").sort_by("partner_id")
        names = pyarrow.parquet.read_table(partners)
        assert found.join(names, "partner_id").num_rows == found.num_rows > 0

    def backed():
        found = pandas.read_parquet(scores, dtype_backend="pyarrow")
        found = found[found["area"] == "security"].sort_values("partner_id")
        names = pandas.read_parquet(partners, dtype_backend="pyarrow")
        assert len(found.merge(names, on="partner_id")) == len(found) > 0

    check("text columns are plain text in pyarrow", plain)
    check("pyarrow filters, sorts and joins on text", arrow)
    check("pandas with the pyarrow backend filters, sorts and joins on text", backed)


def check_relations(home):
    """Every id of a fact is in its dimension, as a star schema needs."""
    for fact, column, dimension in [
        ("fact_area_score", "partner_id", "dim_partner"),
        ("fact_customer_evidence", "partner_id", "dim_partner"),
        ("fact_customer_evidence", "tenant_id", "dim_customer"),
        ("fact_implementation", "tenant_id", "dim_customer"),
        ("fact_acr_ttm", "tenant_id", "dim_customer"),
        ("fact_area_score", "ruleset_id", "dim_rule"),
    ]:
        def related(fact=fact, column=column, dimension=dimension):
            lost = home.query(
                f"SELECT DISTINCT {column} FROM 'tables/{fact}/*.parquet' "
                # Blank where a row is about no customer: distinct services of deployments.
                f"WHERE {column} NOT IN (SELECT {column} FROM 'tables/{dimension}.parquet') "
                f"AND NOT ({column} = '' AND '{fact}' = 'fact_customer_evidence')"
            )
            assert not lost, f"{len(lost)} are missing, e.g. {lost[0][0]}"

        check(f"{fact}.{column} is in {dimension}", related)

    def evidence():
        lost = home.query(
            "SELECT DISTINCT evidence_key FROM 'tables/fact_customer_evidence/*.parquet' "
            "ANTI JOIN 'tables/fact_metric_part/*.parquet' "
            "USING (as_of_month, partner_id, evidence_key)"
        )
        assert not lost, f"no part has {lost[0][0]}"

    def dictionary():
        found = home.query("SELECT \"table\", \"column\", type FROM 'tables/_data_dictionary.parquet'")
        expected = [
            (table["name"], column["name"], column["type"])
            for table in home.schema.values()
            for column in table["columns"]
        ]
        same("dictionary", sorted(found), sorted(expected))

    check("evidence joins the parts of metrics", evidence)
    check("the data dictionary is the schema", dictionary)


def blocks(page, marker):
    """The fenced blocks of a page right after a marker comment: (line, language, text)."""
    found = []
    lines = page.read_text().splitlines()
    for at, line in enumerate(lines):
        if line.strip() != f"<!-- {marker} -->":
            continue
        opening = lines[at + 1]
        assert opening.startswith("```"), f"{page.name}:{at + 2}: a block should start here"
        end = lines.index("```", at + 2)
        found.append((at + 2, opening[3:].strip(), "\n".join(lines[at + 2 : end])))
    return found


def check_readme(home, printed):
    page = ROOT / "README.md"

    def output():
        [(_, _, text)] = blocks(page, "printed by the sample run")
        # The id of a run changes with the program; the place is a temporary one.
        plain = lambda text: re.sub("[0-9a-f]{32}", "<run_id>", text).strip().splitlines()
        for shown, real in zip(plain(text.replace("out/tables", "tables")), plain(printed)):
            same("line", shown, real)
        same("lines", len(plain(text)), len(plain(printed)))

    check("README: shows what the sample run prints", output)
    marked = blocks(page, "run")

    def several():
        same("languages", {language for _, language, _ in marked}, {"sql", "python"})
        return f"{len(marked)} blocks"

    check("README: has examples to run", several)
    for line, language, text in marked:
        def run(language=language, text=text):
            if language == "sql":
                statements = [part for part in text.split(";") if part.strip()]
                counts = [len(home.query(statement)) for statement in statements]
                assert all(counts), f"rows: {counts}"
                return f"{sum(counts)} rows"
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", text],
                cwd=home.home,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
            assert done.stdout.strip(), "it prints nothing"
            return done.stdout.strip().splitlines()[-1].strip()

        check(f"README:{line}: {language} example runs", run)


def table_after(lines, at):
    """The cells of the markdown table that starts at a line, without its two head lines."""
    rows = []
    for line in lines[at:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    assert len(rows) > 2, "a table with rows should start here"
    return rows[2:]


def same_cell(what, text, value):
    """A cell of a page is a value of a table, rounded to the digits that the page shows."""
    if value is None or isinstance(value, str):
        same(what, text, value or "")
        return
    text = text.replace(",", "").replace("*", "").replace("+", "")
    assert re.fullmatch(r"-?\d+(\.\d+)?", text), f"{what}: {text!r} should be {value}"
    digits = decimal.Decimal(1).scaleb(-len(text.partition(".")[2]))
    rounded = decimal.Decimal(value).quantize(digits, decimal.ROUND_HALF_UP)
    same(what, decimal.Decimal(text), rounded)


def check_example(home, place, scored, rows):
    """A worked example against the published tables, cell by cell: it leaves nothing out."""

    def cells():
        part_rows = home.query(
            "SELECT metric, part, current_value, baseline_value, change_value, increments, points "
            f"FROM '{place}/fact_metric_part/{AS_OF}.parquet' WHERE {scored}"
        )
        metric_rows = home.query(
            "SELECT metric, '', NULL, NULL, NULL, NULL, points "
            f"FROM '{place}/fact_metric_score/{AS_OF}.parquet' WHERE {scored}"
        )
        total_rows = home.query(
            "SELECT 'total', '', NULL, NULL, NULL, NULL, points "
            f"FROM '{place}/fact_area_score/{AS_OF}.parquet' WHERE {scored}"
        )
        same("paths of the partner", len(total_rows), 1)
        published = {row[:2]: row[2:] for row in part_rows + metric_rows + total_rows}
        shown = {(row[0], row[1]): row[2:] for row in rows}
        same("rows twice", len(shown), len(rows))
        same("rows", sorted(shown), sorted(published))
        same("the last row", rows[-1][0], "total")
        for (metric, part), texts in shown.items():
            values = published[metric, part]
            same(f"columns of {metric} {part}", len(texts), len(values))
            for text, value in zip(texts, values):
                same_cell(f"{metric} {part}".strip(), text, value)
        return f"{sum(len(texts) for texts in shown.values())} cells"

    return cells


def check_docs(home):
    """What docs/ marks with comments:

    `checked: partner P, AREA by RULESET` (and `, path PATH` for another than the selected one)
    before the table of a worked example; `commands: NAME` before commands, that are run;
    `printed: NAME` before lines that these print; `checked: NAME` before a query, that is run;
    `rows: NAME` before a table of what it returns.
    """
    pages = [ROOT / "docs" / "scoring.md", ROOT / "docs" / "rule-packs.md"]
    # The pages speak of `make run`, which keeps everything in out/.
    places = {"out": ".", "sample_data": home.sample, "pipelines": ROOT / "pipelines"}
    for name, target in places.items():
        (home.home / name).symlink_to(target, target_is_directory=True)
    example = re.compile(r"<!-- checked: partner (\w+), (\w+) by ([\w-]+)(?:, path (\w+))? -->")
    marker = re.compile(r"<!-- (checked|commands|printed|rows): (.+) -->")
    outputs = {}
    areas = set()
    printed = {}
    found = {}
    for page in pages:
        lines = page.read_text().splitlines()
        for at, line in enumerate(lines):
            place = f"docs/{page.name}:{at + 1}"
            if worked := example.fullmatch(line.strip()):
                partner, area, ruleset, path = worked.groups()
                areas.add(area)
                if ruleset not in outputs:
                    outputs[ruleset] = f"example/{ruleset}"
                    home.program(
                        *["score", "--facts", "facts", "--output", outputs[ruleset]],
                        *["--as-of", AS_OF, "--ruleset", ruleset],
                    )
                selected = (
                    f"SELECT path FROM '{outputs[ruleset]}/fact_area_score/{AS_OF}.parquet' "
                    f"WHERE partner_id = '{partner}' AND area = '{area}' AND is_selected"
                )
                scored = f"partner_id = '{partner}' AND area = '{area}' AND path = "
                scored += f"'{path}'" if path else f"({selected})"
                rows = table_after(lines, at + 1)
                of_path = f", path {path}" if path else ""
                check(
                    f"{place}: the example of partner {partner}, {area} by {ruleset}{of_path}",
                    check_example(home, outputs[ruleset], scored, rows),
                )
            elif marked := marker.fullmatch(line.strip()):
                kind, name = marked.groups()

                def test(kind=kind, name=name, page=page, lines=lines, at=at):
                    if kind == "rows":
                        shown = table_after(lines, at + 1)
                        assert name in found, "the query did not run"
                        same("rows", len(shown), len(found[name]))
                        for number, (texts, values) in enumerate(zip(shown, found[name]), 1):
                            same(f"columns of row {number}", len(texts), len(values))
                            for text, value in zip(texts, values):
                                same_cell(f"row {number}", text, value)
                        return f"{len(shown)} rows as shown"
                    [(_, _, text)] = blocks(page, f"{kind}: {name}")
                    if kind == "commands":
                        printed[name] = home.shell(text)
                    elif kind == "printed":
                        real = printed.get(name, "").splitlines()
                        lost = [shown for shown in text.splitlines() if shown not in real]
                        assert not lost, f"not printed: {lost[0]!r}"
                    else:
                        found[name] = home.query(text)
                        assert found[name], "no rows"
                        return f"{len(found[name])} rows"
                    return None

                check(f"{place}: {kind} of {name}", test)

    def covered():
        scores = f"'tables/fact_area_score/{AS_OF}.parquet'"
        published = home.query(f"SELECT DISTINCT area FROM {scores}")
        same("areas", sorted(areas), sorted(area for (area,) in published))
        assert "gains and losses" in found, "the query of gains and losses did not run"
        return f"{len(areas)} areas, {len(outputs)} rulesets"

    check("docs: every area has a worked example", covered)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sample = pathlib.Path(sys.argv[2]).resolve()
    deliveries = sample / "deliveries"
    print(f"duckdb {duckdb.__version__}, pandas {pandas.__version__}, pyarrow {pyarrow.__version__}")
    with tempfile.TemporaryDirectory(prefix="capscore-readers-") as temporary:
        folder = pathlib.Path(temporary)
        program = Program(sys.argv[1], folder)
        command = ["run", "--input", str(deliveries), "--facts", "facts", "--output", "tables"]
        command += ["--as-of", AS_OF]
        printed = program(*command)
        schema = json.loads(program("schema", "export", "--format", "json"))
        home = Home(program, folder, sample, schema)
        files = home.files()

        def all_there():
            listed = [output["path"] for output in home.manifest["outputs"]]
            same("files", sorted(listed), [name for name, _ in files])
            missing = set(home.schema) - {table["name"] for _, table in files}
            assert not missing, f"no file of {', '.join(sorted(missing))}"
            return f"{len(files)} files of {len(home.schema)} tables"

        def again():
            before = {name: (home.folder / name).read_bytes() for name, _ in files}
            text = program(*command)
            assert "Unchanged" in text, text
            for name, content in before.items():
                assert (home.folder / name).read_bytes() == content, f"{name} changed"

        check("every table of the schema is published, and nothing else", all_there)
        check("a second run leaves every byte", again)
        for name, table in files:
            check_file(home, name, table)
        check_text(home, files)
        check_relations(home)
        check_readme(home, printed)
        check_docs(home)
    if failures:
        print(f"\n{len(failures)} checks failed:")
        print("\n".join(f"  {name}" for name in failures))
        sys.exit(1)
    print("\nall checks passed")


if __name__ == "__main__":
    main()
