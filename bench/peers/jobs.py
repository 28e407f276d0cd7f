"""jobs.py - the questions, and how each tool is asked.

A job is one line of the comparison.  Every tool prints CSV; the first `keys` cells of a row name
it, the others are compared as numbers (to nine digits) or as text.  A tool that a job leaves out can
not answer it right: awk knows no quotes.
"""
from collections import namedtuple

Kind = namedtuple("Kind", "sheaf duckdb polars numeric")
TEXT = Kind("text", "VARCHAR", "String", False)
INTEGER = Kind("i64", "BIGINT", "Int64", True)
DOUBLE = Kind("f64", "DOUBLE", "Float64", True)
MONEY = Kind("decimal(2)", "DOUBLE", "Float64", True)
MICRO = Kind("decimal(6)", "DOUBLE", "Float64", True)
TIME = Kind("time", "TIMESTAMP", "Datetime", False)

Schema = namedtuple("Schema", "columns header delimiter rows")
SCHEMAS = {
    "1brc": Schema([("station", TEXT), ("t", DOUBLE)], False, ";", 50_000_000),
    "h2o": Schema([("id1", TEXT), ("id2", TEXT), ("id3", TEXT), ("id4", INTEGER),
                   ("id5", INTEGER), ("id6", INTEGER), ("v1", INTEGER), ("v2", INTEGER),
                   ("v3", MICRO)], True, ",", 10_000_000),
    "taxi": Schema([("vendor", INTEGER), ("pickup_at", TIME), ("dropoff_at", TIME),
                    ("passengers", INTEGER), ("distance", MONEY), ("rate", INTEGER),
                    ("stored", TEXT), ("pickup_zone", TEXT), ("dropoff_zone", TEXT),
                    ("payment", INTEGER), ("fare", MONEY), ("extra", MONEY), ("tax", MONEY),
                    ("tip", MONEY), ("tolls", MONEY), ("improvement", MONEY), ("total", MONEY),
                    ("congestion", MONEY), ("comment", TEXT)], True, ",", 8_000_000),
    "numbers": Schema([(f"x{i}", MICRO) for i in range(1, 21)], True, ",", 2_500_000),
}


def column_kind(schema, name):
    return dict(schema.columns)[name]


def sheaf_flags(data):
    """The schema, as peers get it too; types are those that sheaf itself would find."""
    schema = SCHEMAS[data]
    flags = ["--schema", ",".join(f"{name}:{kind.sheaf}" for name, kind in schema.columns),
             "-d", schema.delimiter, "-f", "csv", "-q"]
    return flags if schema.header else flags + ["--no-header"]


class Job:
    """sheaf: words; sql: of {table}; polars: a function of the module and a lazy frame;
    awk: field separator and program; miller: flags and words.  share: of the rows of the data."""

    def __init__(self, name, data, keys, sheaf, sql, polars, awk=None, miller=None, share=1.0):
        self.name, self.data, self.keys, self.share = name, data, keys, share
        self.sheaf, self.sql, self.polars, self.awk, self.miller = sheaf, sql, polars, awk, miller


def _four(column):
    return lambda pl, frame: frame.select(
        pl.col(column).sum().alias("s"), pl.col(column).mean().alias("m"),
        pl.col(column).min().alias("l"), pl.col(column).max().alias("h"))


def _column(name, data, column, awk=None, miller=None):
    return Job(name, data, 0,
               ["group", "", f"sum({column}) mean({column}) min({column}) max({column})"],
               f"SELECT sum({column}), avg({column}), min({column}), max({column}) FROM {{table}}",
               _four(column), awk, miller)


NUMBERS = [f"x{i}" for i in range(1, 21)]

JOBS = [
    Job("count_1brc", "1brc", 0, ["count"], "SELECT count(*) FROM {table}",
        lambda pl, frame: frame.select(pl.len()), awk=(";", "END { print NR }"),
        miller=(["--icsv", "--implicit-csv-header", "--ifs", ";", "--ocsv"], ["count"])),
    Job("count_taxi", "taxi", 0, ["count"], "SELECT count(*) FROM {table}",
        lambda pl, frame: frame.select(pl.len()), miller=(["--csv"], ["count"])),
    _column("column_h2o", "h2o", "v3",
            awk=(",", 'NR > 1 { s += $9; if (NR == 2 || $9 < l) l = $9; if (NR == 2 || $9 > h) h = $9 '
                      '} END { printf "%.15g,%.15g,%s,%s\\n", s, s / (NR - 1), l, h }'),
            miller=(["--csv"], ["stats1", "-a", "sum,mean,min,max", "-f", "v3"])),
    _column("column_taxi", "taxi", "total",
            miller=(["--csv"], ["stats1", "-a", "sum,mean,min,max", "-f", "total"])),
    Job("columns_numbers", "numbers", 0, ["group", "", " ".join(f"sum({x})" for x in NUMBERS)],
        f"SELECT {', '.join(f'sum({x})' for x in NUMBERS)} FROM {{table}}",
        lambda pl, frame: frame.select(pl.col(x).sum() for x in NUMBERS),
        awk=(",", 'NR > 1 { for (i = 1; i <= 20; i++) s[i] += $i } '
                  'END { for (i = 1; i <= 20; i++) printf "%.15g%s", s[i], i < 20 ? "," : "\\n" }'),
        miller=(["--csv"], ["stats1", "-a", "sum", "-f", ",".join(NUMBERS)])),
    Job("group_1brc", "1brc", 1, ["group", "station", "min(t) mean(t) max(t)"],
        "SELECT station, min(t), avg(t), max(t) FROM {table} GROUP BY station",
        lambda pl, frame: frame.group_by("station").agg(
            pl.col("t").min().alias("l"), pl.col("t").mean().alias("m"),
            pl.col("t").max().alias("h")),
        awk=(";", '{ if (!($1 in n) || $2 < l[$1]) l[$1] = $2; '
                  'if (!($1 in n) || $2 > h[$1]) h[$1] = $2; n[$1]++; s[$1] += $2 } '
                  'END { for (k in n) printf "%s,%s,%.15g,%s\\n", k, l[k], s[k] / n[k], h[k] }'),
        miller=(["--icsv", "--implicit-csv-header", "--ifs", ";", "--ocsv"],
                ["stats1", "-a", "min,mean,max", "-f", "2", "-g", "1"])),
    Job("h2o_q1", "h2o", 1, ["group", "id1", "sum(v1)"],
        "SELECT id1, sum(v1) FROM {table} GROUP BY id1",
        lambda pl, frame: frame.group_by("id1").agg(pl.col("v1").sum()),
        awk=(",", 'NR > 1 { s[$1] += $7 } END { for (k in s) printf "%s,%.15g\\n", k, s[k] }'),
        miller=(["--csv"], ["stats1", "-a", "sum", "-f", "v1", "-g", "id1"])),
    Job("h2o_q2", "h2o", 2, ["group", "id1,id2", "sum(v1)"],
        "SELECT id1, id2, sum(v1) FROM {table} GROUP BY id1, id2",
        lambda pl, frame: frame.group_by("id1", "id2").agg(pl.col("v1").sum())),
    Job("h2o_q3", "h2o", 1, ["group", "id3", "sum(v1) mean(v3)"],
        "SELECT id3, sum(v1), avg(v3) FROM {table} GROUP BY id3",
        lambda pl, frame: frame.group_by("id3").agg(pl.col("v1").sum(), pl.col("v3").mean()),
        awk=(",", 'NR > 1 { n[$3]++; s[$3] += $7; v[$3] += $9 } END { for (k in s) '
                  'printf "%s,%.15g,%.15g\\n", k, s[k], v[k] / n[k] }')),
    Job("h2o_q5", "h2o", 1, ["group", "id6", "sum(v1) sum(v2) sum(v3)"],
        "SELECT id6, sum(v1), sum(v2), sum(v3) FROM {table} GROUP BY id6",
        lambda pl, frame: frame.group_by("id6").agg(
            pl.col("v1").sum(), pl.col("v2").sum(), pl.col("v3").sum())),
    Job("filter_taxi", "taxi", 0,
        ["where", "distance > 3 and payment = 1", "then", "group", "", "count() sum(total)"],
        "SELECT count(*), sum(total) FROM {table} WHERE distance > 3 AND payment = 1",
        lambda pl, frame: frame.filter((pl.col("distance") > 3) & (pl.col("payment") == 1)).select(
            pl.len().alias("n"), pl.col("total").sum())),
    # All columns: missing, distinct, least, greatest, mean, deviation.  ask.py writes the queries.
    Job("stats", "taxi", 1,
        ["stats", "then", "select", "column, missing, distinct, min, max, mean, deviation"],
        None, None, share=0.125),
]
