#!/usr/bin/env python3
"""Answers to questions about the samples beside this file, found without sheaf.

Only Python's own csv, decimal, fractions and statistics are used.  The output
is committed, so that the tests need no Python; to make it again:

    python3 datasets/small/answers.py

Each NAME.expect holds commands after "$ ", each followed by what it prints.
"""
import csv
import json
import os
from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from math import sqrt

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def read(name, **dialect):
    with open(name, newline="", encoding="utf-8-sig") as file:
        return [row for row in csv.reader(file, **dialect) if row]


def field(value):
    """A value as sheaf writes it in CSV."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else number(value)
    if text == "" or any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def number(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if value == int(value) and abs(value) < 1e17:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        if -5 <= int(exponent) < 17:
            return format(Decimal(text), "f")
        text = mantissa.removesuffix(".0") + "e" + str(int(exponent))
    return text


def rows(names, data):
    return "".join(",".join(field(value) for value in row) + "\n" for row in [names, *data])


def groups(data, key):
    found = {}
    for row in data:
        found.setdefault(key(row), []).append(row)
    return found


def mean(values):
    return float(Fraction(sum(map(Fraction, values))) / len(values)) if values else None


def scaled(values, scale):
    """A sum with so many digits behind the point."""
    return sum(values, Decimal(0)).quantize(Decimal(1).scaleb(-scale))


def write(name, questions):
    with open(name + ".expect", "w", encoding="utf-8", newline="") as file:
        for command, answer in questions:
            file.write("$ " + command + "\n" + answer)


def orders():
    _, *data = read("orders.csv")
    paid = [(c, Decimal(a), d) for c, a, d in data if a]
    by = groups(data, lambda row: row[0])
    totals = {c: scaled([Decimal(a) for _, a, _ in part if a], 2) for c, part in by.items()}
    write("orders", [
        ("sheaf count orders.csv", rows(["count"], [[len(data)]])),
        ("sheaf group customer 'sum(amount) as total count() as n' orders.csv",
         rows(["customer", "total", "n"], [[c, totals[c], len(by[c])] for c in by])),
        ("sheaf group customer 'sum(amount) as total' then sort -total then head -n 2 orders.csv",
         rows(["customer", "total"], sorted(totals.items(), key=lambda pair: -pair[1])[:2])),
        ("sheaf group '' 'mean(amount) min(amount) max(amount)' orders.csv",
         rows(["mean(amount)", "min(amount)", "max(amount)"],
              [[mean([a for _, a, _ in paid]), scaled([min(a for _, a, _ in paid)], 2),
                scaled([max(a for _, a, _ in paid)], 2)]])),
        ("sheaf freq day orders.csv",
         rows(["day", "count"], sorted(((d, len(part)) for d, part in groups(data, lambda row: row[2]).items()),
                                       key=lambda pair: -pair[1]))),
    ])


def notes():
    _, *data = read("notes.csv")
    words = groups([word for _, text in data for word in text.split()], lambda word: word)
    write("notes", [
        ("sheaf run words count notes.csv --by word --sort -count,word",
         rows(["word", "count"], sorted(((w, len(part)) for w, part in words.items()),
                                        key=lambda pair: (-pair[1], pair[0])))),
        ("sheaf select 'day, length(text) as n' notes.csv",
         rows(["day", "n"], [[day, len(text)] for day, text in data])),
    ])


def measurements():
    data = [(station, Decimal(t)) for station, t in read("measurements.csv", delimiter=";")]
    by = groups(data, lambda row: row[0])
    values = {station: [t for _, t in part] for station, part in by.items()}
    flags = "measurements.csv -d ';' --no-header --schema station:text,t:decimal(1)"
    flags = flags.replace("station:text,t:decimal(1)", "'station:text,t:decimal(1)'")
    write("measurements", [
        ("sheaf group station 'min(t) mean(t) max(t)' " + flags,
         rows(["station", "min(t)", "mean(t)", "max(t)"],
              [[s, min(v), mean(v), max(v)] for s, v in values.items()])),
        ("sheaf group station 'count() as n sum(t) as total' " + flags + " --sort station",
         rows(["station", "n", "total"],
              sorted(([s, len(v), scaled(v, 1)] for s, v in values.items()), key=lambda row: row[0].encode()))),
        ("sheaf where 't >= 40' then count " + flags,
         rows(["count"], [[sum(t >= 40 for _, t in data)]])),
    ])


def ledger():
    _, *data = read("ledger.csv", delimiter="|")
    by = groups(data, lambda row: row[0])
    amounts = {a: [Decimal(row[2]) for row in part if row[2]] for a, part in by.items()}
    months = groups([row for row in data if row[2]], lambda row: int(row[1][5:7]))
    notes_seen = groups(data, lambda row: row[3])
    write("ledger", [
        ("sheaf group account 'sum(amount) as total mean(amount) as average' ledger.csv --sort account",
         rows(["account", "total", "average"],
              [[a, scaled(amounts[a], 2), mean(amounts[a])] for a in sorted(amounts)])),
        ("sheaf select 'month(booked) as m, amount' ledger.csv | sheaf group m 'sum(amount) as s' - --sort m",
         rows(["m", "s"], [[m, scaled([Decimal(row[2]) for row in months[m]], 2)] for m in sorted(months)])),
        ("sheaf freq note ledger.csv --sort -count,note -f jsonl",
         "".join(json.dumps({"note": text or None, "count": len(part)}, ensure_ascii=False,
                            separators=(",", ":")) + "\n"
                 for text, part in sorted(notes_seen.items(),
                                          key=lambda pair: (-len(pair[1]), pair[0].encode())))),
        ("sheaf where 'amount < 0 and starts_with(note, \"pipe\")' then group '' 'count() as n' ledger.csv",
         rows(["n"], [[sum(1 for row in data if row[2] and Decimal(row[2]) < 0 and row[3].startswith("pipe"))]])),
    ])


def events():
    _, *data = read("events.csv")
    moments = [datetime.fromisoformat(row[0].replace("Z", "+00:00")).astimezone(timezone.utc) for row in data]
    stamp = lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    by = groups(data, lambda row: row[1])
    seconds = {kind: [float(row[2]) for row in part if row[2]] for kind, part in by.items()}
    truth = lambda text: None if text == "" else text.lower()
    every = [Fraction(float(row[2])) for row in data if row[2]]
    middle = sum(every) / len(every)
    variance = sum((value - middle) ** 2 for value in every) / (len(every) - 1)
    write("events", [
        ("sheaf group '' 'min(at) max(at) distinct(at)' events.csv",
         rows(["min(at)", "max(at)", "distinct(at)"], [[stamp(min(moments)), stamp(max(moments)), len(set(moments))]])),
        ("sheaf group kind 'count() as n sum(seconds) as total mean(seconds) as average' events.csv",
         rows(["kind", "n", "total", "average"],
              [[kind, len(part), float(sum(map(Fraction, seconds[kind]))), mean(seconds[kind])]
               for kind, part in by.items()])),
        ("sheaf count events.csv --by ok",
         rows(["ok", "count"], [[ok, len(part)] for ok, part in groups(data, lambda row: truth(row[3])).items()])),
        ("sheaf run moments events.csv --bind value=seconds | sheaf select 'count, mean, variance' -",
         rows(["count", "mean", "variance"], [[len(every), float(middle), float(variance)]])),
    ])
    assert sqrt(variance) > 0


def nasty():
    data = read("nasty.csv")
    values = [Decimal(row[2]) for row in data[1:] if row[2]]
    write("nasty", [
        ("sheaf records nasty.csv",
         "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in data)),
        ("sheaf count nasty.csv", rows(["count"], [[len(data) - 1]])),
        ("sheaf group '' 'sum(#3) as s distinct(text) as n' nasty.csv",
         # a quoted empty text is a value, an empty field is none
         rows(["s", "n"], [[scaled(values, 2), len({row[1] for row in data[1:] if row[0] != "4"})]])),
        ("sheaf where 'text is missing' then select id nasty.csv", rows(["id"], [[4]])),
        ("sheaf where 'length(text) == 0' then select id nasty.csv", rows(["id"], [[5]])),
    ])


for make in (orders, notes, measurements, ledger, events, nasty):
    make()
