"""Compares a package of `sudare pseudonymize` with what its peer made of the same files: rows and tokens, as sets of rows.

Identities are compared by tokens, sex, birth month, insurer and postcode; rows of tables by their identity's tokens and the columns
below, so that the numbering of either side does not matter. Prints a line a table; fails if any row is on one side only.

    pseudonymize_compare.py PACKAGE PEER AGE_IDENTITY
"""

import collections
import io
import sys
import tarfile

import pandas
import pyrage

TOKENS = ["t_member", "t_id1", "t_id2", "t_id4", "t_individual", "t_marriage", "t_birth"]
PERSON = [*TOKENS, "sex", "birth_ym", "insurer", "postcode3"]
COLUMNS = {
    "enrolment": ["insurer", "relation", "start_date", "end_date", "workplace"],
    "claim": ["month", "setting", "days", "points_billed", "points", "facility", "receipt", "receipt_number", "billed_month"],
    "diagnosis": ["month", "code", "start_date", "main", "suspected", "receipt"],
    "act": ["service_date", "code", "quantity", "points", "supply_days", "receipt"],
    "checkup": ["exam_date"],
    "checkup_item": ["exam_date", "code"],
    "programme": ["provider", "invited_date", "start_date", "end_date"],
}

def parts(tar):
    tables = collections.defaultdict(list)
    for member in tar:
        if member.name.endswith(".parquet"):
            name = member.name.removeprefix("tables/").removesuffix(".parquet").split("/")[0]
            tables[name].append(pandas.read_parquet(io.BytesIO(tar.extractfile(member).read()), dtype_backend="pyarrow"))
    return {name: pandas.concat(frames, ignore_index=True) for name, frames in tables.items()}


def cell(value):
    if value is None or value is pandas.NA or value != value:
        return None
    if hasattr(value, "strftime"):
        return value.strftime("%Y%m%d")
    return int(value) if isinstance(value, (bool, int, float)) else value


def rows(frame, columns):
    for column in columns:
        if "date" in column or "month" in column or column == "birth_ym":
            frame[column] = pandas.to_datetime(frame[column], errors="coerce")
    return [tuple(map(cell, row)) for row in frame[columns].itertuples(index=False, name=None)]


def main(package, peer, identity):
    identity = pyrage.x25519.Identity.from_str(open(identity).read().strip())
    with tarfile.open(package) as outer:
        ours = pyrage.decrypt(outer.extractfile("content.age").read(), [identity])
    theirs = pyrage.decrypt(open(peer, "rb").read(), [identity])
    sides = [parts(tarfile.open(fileobj=io.BytesIO(side))) for side in (ours, theirs)]
    people = []
    for side in sides:
        frame = side["identity"]
        people.append(dict(zip(frame["ident"], rows(frame, PERSON))))
    different = 0
    report = [("identity", *(collections.Counter(side.values()) for side in people))]
    for table, columns in COLUMNS.items():
        counted = []
        for side, who in zip(sides, people):
            frame = side[table]
            counted.append(collections.Counter((who[i], *row) for i, row in zip(frame["ident"], rows(frame, columns))))
        report.append((table, *counted))
    for table, a, b in report:
        only_ours, only_theirs = a - b, b - a
        print(f"{table}: {a.total()} rows, {b.total()} of the peer; only ours {only_ours.total()}, only the peer's {only_theirs.total()}")
        if "--show" in sys.argv:
            for row in [*list(only_ours)[:3], "--", *list(only_theirs)[:3]]:
                print("   ", row[1:] if row != "--" else row)
        different += only_ours.total() + only_theirs.total()
    if different:
        raise SystemExit(f"{different} rows differ")


if __name__ == "__main__":
    main(*sys.argv[1:4])
