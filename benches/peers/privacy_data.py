"""Invented people for the comparison of errors, as CSV files: python privacy_data.py FOLDER. The same every time.

Nobody exceeds the bounds that every system is told, so that none clips or drops anything: what is left of the error is the noise.

people.csv    4,000 persons, one row each: sex, age band, systolic blood pressure within 80..200
types.csv     one row per person and type of claim, at most 3 of 4 types: points within 0..5000
months.csv    one row per person in each of 12 months
rows.csv      at most 8 rows per person, in at most 3 of 4 outcomes, at most 4 rows in each"""

import csv
import random
import sys
from pathlib import Path

PERSONS = 4_000


def tables():
    dice = random.Random(20261123)
    below = lambda n: int(dice.random() * n)
    people, types, months, rows = [], [], [], []
    for pid in range(PERSONS):
        sex, band = below(2), min(below(5), 3)
        # 30..39, 40..49, 50..59, 60..69 on 2025-03-31.
        birth = f"{2024 - 30 - 10 * band - below(10)}-{4 + below(9):02d}-01"
        people.append([pid, sex, band, birth, 95 + below(20) + below(20) + below(20) + 4 * band])
        for kind in sorted({below(4) for _ in range(3)}):
            types.append([pid, kind, int(5000 * dice.random() ** 3)])
        months.extend([pid, month] for month in range(12))
        own = [[pid, outcome] for outcome in sorted({below(4) for _ in range(3)}) for _ in range(1 + below(4))]
        rows.extend(own[:8])
    yield "people", ["pid", "sex", "band", "birth_ym", "sbp"], people
    yield "types", ["pid", "type", "points"], types
    yield "months", ["pid", "month"], months
    yield "rows", ["pid", "outcome"], rows


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, header, table in tables():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(header)
            out.writerows(table)
