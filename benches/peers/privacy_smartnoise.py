"""SmartNoise SQL on the common queries, on a pandas frame: python privacy_smartnoise.py FOLDER [REPETITIONS]

Told: bounds, rows per person (its only bound on contributions), no censoring of groups; Laplace or Gaussian for everything. Its epsilon is per
column: the largest is taken whose total by its own `get_privacy_cost` is within the budget. Gaussian noise is asked for a tenth of the repetitions
only: it takes rows per person for the L2 distance, errs three times as much here, and is slow."""

import sys
import warnings
from importlib.metadata import version

import pandas as pd
from snsql import Mechanism, Privacy, Stat, from_df

from privacy_queries import DELTA, EPSILON, POINTS, QUERIES, SBP, Results, load, outputs

warnings.filterwarnings("ignore")


def reader(frame, table, group, value, l1, noise, epsilon, delta):
    columns = {"pid": {"private_id": True, "type": "int"}, group: {"type": "int"}}
    if value:
        columns[value[0]] = {"type": "int", "lower": value[1][0], "upper": value[1][1]}
    settings = {"max_ids": l1, "row_privacy": False, "censor_dims": False, "clamp_counts": False, "clamp_columns": True, "sample_max_ids": True}
    privacy = Privacy(epsilon=epsilon, delta=delta)
    for stat in Stat:
        privacy.mechanisms.map[stat] = noise
    return from_df(frame, privacy=privacy, metadata={"": {"s": {table: {**settings, **columns}}}})


def affordable(make, query):
    """The largest epsilon and delta per column whose total, by its own odometer, is the budget: it adds up epsilons, and to the columns'
    deltas half of one more."""
    columns = len([cost for cost in make(EPSILON, DELTA)._get_mechanism_costs(query) if cost])
    private = make(EPSILON / columns, DELTA / (columns + 0.5))
    epsilon, delta = private.get_privacy_cost(query)
    assert EPSILON * 0.999 < epsilon < EPSILON * 1.000001 and delta < DELTA * 1.000001, (epsilon, delta)
    return private, EPSILON / columns


def main():
    folder, repetitions = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 400
    tables, results = load(folder), Results(f"SmartNoise SQL {version('smartnoise-sql')}")
    value = {"people": ("sbp", SBP), "types": ("points", POINTS)}
    for name, (table, group, groups, l0, linf, l1, _) in QUERIES.items():
        if not outputs(name) or name == "median":
            continue  # The former is asked for together with the count, the latter it can't do.
        frame = pd.DataFrame(tables[table])
        frame = frame[["pid", group] + ([value[table][0]] if table in value else [])].rename(columns={group: "g"})  # MONTH is a word of its SQL.
        column = value[table][0] if table in value else None
        what = {"persons": "COUNT(DISTINCT pid)", "rows": "COUNT(*)", "sum": f"SUM({column})", "mean": f"AVG({column})", "count and mean": f"COUNT(*), AVG({column})", "count and sum": f"COUNT(*), SUM({column})"}
        query = what[name.split(":")[0] if ":" in name else name.split(" ")[0]]
        listed = ", ".join(f"{one} AS v{at}" for at, one in enumerate(query.split(", ")))
        text = f"SELECT g, {listed} FROM s.{table} GROUP BY g"
        for noise in [Mechanism.laplace, Mechanism.gaussian]:
            make = lambda epsilon, delta: reader(frame, table, "g", value.get(table), l1, noise, epsilon, delta)
            try:
                private, each_column = affordable(make, text)
                runs = []
                for _ in range(repetitions if noise is Mechanism.laplace else repetitions // 10):
                    rows = private.execute(text)[1:]
                    found = {int(row[0]): [float(v) for v in row[1:]] for row in rows}
                    runs.append([found[cell] for cell in range(groups)])
            except Exception as error:  # A combination that it refuses is told, and left out.
                print(f"SmartNoise refuses {name} with {noise.name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                continue
            for at, each in enumerate(outputs(name)):
                results.add(each, f"{noise.name}, {query}, epsilon {each_column:.3g} a column", [[cell[at] for cell in run] for run in runs])
    results.write(folder, "smartnoise")


main()
