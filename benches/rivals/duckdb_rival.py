"""The benchmark's work in DuckDB: exports in, the Azure and seat parts of the areas out.

    duckdb_rival.py DELIVERIES REFERENCE OUTPUT SERVICES

SERVICES are those of the Security area, joined by `;`. What it leaves out, each to its own
advantage: rejected and repeated lines, deliveries that replace others, resellers, skilling, paths,
evidence, history, and every check.
"""

import os
import pathlib
import sys

import duckdb

deliveries, reference, output, services = sys.argv[1:5]
os.makedirs(output, exist_ok=True)
sql = (pathlib.Path(__file__).parent / "duckdb.sql").read_text()
connection = duckdb.connect()
connection.execute("SET VARIABLE deliveries = ?", [deliveries])
connection.execute("SET VARIABLE reference = CAST(? AS DATE)", [f"{reference}-01"])
connection.execute("SET VARIABLE security = ?", [services.split(";")])
for statement in sql.split(";\n"):
    if statement.strip():
        connection.execute(statement.replace("$output", output))
