"""Prints the dictionary of the attack: `surname<TAB>reading`, `given<TAB>reading`, each once, hiragana."""

import csv
import importlib.resources

data = importlib.resources.files("japanese_personal_name_dataset") / "dataset"
parts = {"surname": {}, "given": {}}
for kind, names, column in [("surname", ["last_name_org"], 2), ("given", ["first_name_man_org", "first_name_woman_org", "first_name_man_opti", "first_name_woman_opti"], 0)]:
    for name in names:
        with (data / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                parts[kind].setdefault(row[column].strip(), None)
for kind, readings in parts.items():
    for reading in readings:
        print(f"{kind}\t{reading}")
