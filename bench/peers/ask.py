"""ask.py - one job, asked of DuckDB or Polars; run by the Python of the private environment.

    ask.py duckdb|polars JOB FILE THREADS

Prints the answer as CSV without a header, and `inside SECONDS` on stderr: the question alone,
without the start of Python and the import.  Types are given, nothing is guessed.
"""
import csv
import importlib
import os
import sys
import time

from jobs import JOBS, SCHEMAS, column_kind


def rows_of_duckdb(duckdb, job, path, threads):
    schema = SCHEMAS[job.data]
    columns = "{" + ", ".join(f"'{name}': '{kind.duckdb}'" for name, kind in schema.columns) + "}"
    table = (f"read_csv('{path}', auto_detect=false, delim='{schema.delimiter}', quote='\"', "
             f"escape='\"', header={'true' if schema.header else 'false'}, columns={columns})")
    connection = duckdb.connect()
    connection.execute(f"SET threads={threads}")
    if job.name == "stats":
        return stats_of_duckdb(connection, table, schema)
    return connection.execute(job.sql.format(table=table)).fetchall()


def stats_of_duckdb(connection, table, schema):
    """One pass with all aggregates of all columns."""
    parts = []
    for name, _ in schema.columns:
        parts += [f"count(*) - count({name})", f"count(DISTINCT {name})", f"min({name})",
                  f"max({name})"]
        parts += ([f"avg({name})", f"stddev_samp({name})"] if column_kind(schema, name).numeric
                  else ["NULL", "NULL"])
    row = connection.execute(f"SELECT {', '.join(parts)} FROM {table}").fetchone()
    return [(name, *row[6 * i:6 * i + 6]) for i, (name, _) in enumerate(schema.columns)]


def rows_of_polars(pl, job, path, _threads):
    schema = SCHEMAS[job.data]
    frame = pl.scan_csv(path, separator=schema.delimiter, has_header=schema.header,
                        schema={name: getattr(pl, kind.polars) for name, kind in schema.columns})
    if job.name == "stats":
        return stats_of_polars(pl, frame, schema)
    return job.polars(pl, frame).collect(engine="streaming").rows()


def stats_of_polars(pl, frame, schema):
    parts = []
    for name, kind in schema.columns:
        column = pl.col(name)
        parts += [column.null_count().alias(name + ".missing"),
                  column.drop_nulls().n_unique().alias(name + ".distinct"),
                  column.min().alias(name + ".min"), column.max().alias(name + ".max")]
        parts += ([column.mean().alias(name + ".mean"), column.std().alias(name + ".deviation")]
                  if kind.numeric else [pl.lit(None).alias(name + ".mean"),
                                        pl.lit(None).alias(name + ".deviation")])
    row = frame.select(parts).collect(engine="streaming").row(0)
    return [(name, *row[6 * i:6 * i + 6]) for i, (name, _) in enumerate(schema.columns)]


def main():
    tool, name, path, threads = sys.argv[1:]
    os.environ["POLARS_MAX_THREADS"] = threads
    library = importlib.import_module(tool)
    job = next(job for job in JOBS if job.name == name)
    begin = time.perf_counter()
    rows = (rows_of_duckdb if tool == "duckdb" else rows_of_polars)(library, job, path, threads)
    inside = time.perf_counter() - begin
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    print(f"inside {inside:.4f}", file=sys.stderr)


main()
