"""answers.py - do two tools say the same?  Numbers to nine digits, everything else to the letter."""
import csv
import io
import re

_HEADERS = ("sheaf", "miller")  # they print one
_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)$")


def parse(tool, text, keys):
    """{key cells: other cells}, all text."""
    rows = list(csv.reader(io.StringIO(text.decode("utf-8"), newline="")))
    if tool in _HEADERS:
        rows = rows[1:]
    return {tuple(row[:keys]): row[keys:] for row in rows}


def _same_cell(one, other):
    if one == other:
        return True
    try:
        a, b = float(one), float(other)
    except ValueError:
        return _TIME.sub(r"\1 \2", one) == _TIME.sub(r"\1 \2", other)
    # A sum of doubles added in any order may be off by this; ours is exact.
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-9


def difference(ours, theirs):
    """None if they agree, else where they part."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows against {len(theirs)}"
    for key, cells in ours.items():
        others = theirs.get(key)
        if others is None:
            return f"no row for {','.join(key)}"
        if len(cells) != len(others):
            return f"{len(cells)} cells against {len(others)}"
        for one, other in zip(cells, others):
            if not _same_cell(one, other):
                return f"{one} against {other}{' for ' + ','.join(key) if key else ''}"
    return None
