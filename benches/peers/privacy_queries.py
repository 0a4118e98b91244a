"""What is asked of every system, the same bounds and the same budget for each; and what is exactly true. Not a peer itself.

An answer is a list of numbers, one per group in order. `runs` are repetitions; the error is taken against the exact answer."""

import csv
import json
import statistics
import sys
from pathlib import Path

EPSILON, DELTA = 1.0, 1e-6
SBP, POINTS = (80, 200), (0, 5000)

# name: (table, group's column or a pair, number of groups, groups per person, rows per person and group, rows per person, what)
QUERIES = {
    "persons": ("people", "cell", 8, 1, 1, 1, "persons by sex and age band, one row each"),
    "persons of types": ("types", "type", 4, 3, 1, 3, "persons by type, each in at most 3 of 4"),
    "persons of months": ("months", "month", 12, 12, 1, 12, "persons by month, each in all 12"),
    "rows": ("rows", "outcome", 4, 3, 4, 8, "rows by outcome, at most 8 a person, 3 outcomes, 4 rows in each"),
    "sum": ("people", "cell", 8, 1, 1, 1, "SUM of blood pressure within 80..200 by sex and age band"),
    "sum of types": ("types", "type", 4, 3, 1, 3, "SUM of points within 0..5000 by type"),
    "count and sum: count": ("people", "cell", 8, 1, 1, 1, "COUNT(*) of a question that also asks for SUM"),
    "count and sum: sum": ("people", "cell", 8, 1, 1, 1, "its SUM"),
    "mean": ("people", "cell", 8, 1, 1, 1, "AVG of blood pressure within 80..200 by sex and age band"),
    "mean of types": ("types", "type", 4, 3, 1, 3, "AVG of points within 0..5000 by type"),
    "count and mean: count": ("people", "cell", 8, 1, 1, 1, "COUNT(*) of a question that also asks for AVG"),
    "count and mean: mean": ("people", "cell", 8, 1, 1, 1, "its AVG"),
    "median": ("people", "cell", 8, 1, 1, 1, "median of blood pressure within 80..200 by sex and age band"),
}


def load(folder):
    """Tables as lists of dictionaries of integers; people's `cell` is sex × 4 + band."""
    tables = {}
    for name in ["people", "types", "months", "rows"]:
        with (Path(folder) / f"{name}.csv").open(newline="") as file:
            rows = [{k: int(v) for k, v in row.items() if k != "birth_ym"} for row in csv.DictReader(file)]
        for row in rows:
            if name == "people":
                row["cell"] = row["sex"] * 4 + row["band"]
        tables[name] = rows
    return tables


def exact(tables, name):
    table, group, groups = QUERIES[name][:3]
    value = {"people": "sbp", "types": "points"}.get(table)
    found = [[] for _ in range(groups)]
    for row in tables[table]:
        found[row[group]].append(row.get(value, 1))
    if name.startswith("mean") or name.endswith(": mean"):
        return [statistics.fmean(values) for values in found]
    if name.startswith("sum") or name.endswith(": sum"):
        return [sum(values) for values in found]
    if name == "median":
        return [statistics.median(values) for values in found]
    return [len(values) for values in found]


def outputs(name):
    """The queries that are asked in one question, of which this is the first; none if it isn't."""
    together = [other for other in QUERIES if ":" in other and other.split(":")[0] == name.split(":")[0]]
    return [name] if ":" not in name else together if together[0] == name else []


class Results:
    """Collects runs and writes them as JSON."""

    def __init__(self, system):
        self.system, self.found = system, []

    def add(self, query, noise, runs, note=""):
        assert all(len(run) == QUERIES[query][2] for run in runs), query
        self.found.append({"query": query, "noise": noise, "runs": runs, "note": note})
        print(f"{self.system}: {query}, {noise}: {len(runs)} runs", file=sys.stderr, flush=True)

    def write(self, folder, name):
        (Path(folder) / f"{name}.json").write_text(json.dumps({"system": self.system, "results": self.found}))
