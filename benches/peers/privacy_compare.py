"""Prints the table of errors from what the systems wrote into FOLDER: python privacy_compare.py FOLDER

RMSE over groups and repetitions, each system with the better of its kinds of noise; ratio: theirs over ours (above 1: ours errs less)."""

import json
import math
import statistics
import sys
from pathlib import Path

from privacy_queries import QUERIES, exact, load

FILES = ["sudare", "smartnoise", "opendp", "pipelinedp"]


def errors(runs, truth):
    return [value - true for run in runs for value, true in zip(run, truth)]


def rmse(found):
    """Root of the mean square, and its relative standard error."""
    squares = [error * error for error in found]
    mean = statistics.fmean(squares)
    return math.sqrt(mean), statistics.stdev(squares) / mean / math.sqrt(len(squares)) / 2


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main():
    folder = Path(sys.argv[1])
    tables = load(folder)
    systems, best = [], {}
    for file in FILES:
        path = folder / f"{file}.json"
        if not path.exists():
            print(f"{path.name} is missing", file=sys.stderr)
            continue
        found = json.loads(path.read_text())
        systems.append(found["system"])
        # With several outputs of one question the noise is chosen once, by what they err together.
        tried = {}
        for result in found["results"]:
            error = errors(result["runs"], exact(tables, result["query"]))
            tried.setdefault(result["query"].split(":")[0], {}).setdefault(result["noise"], {})[result["query"]] = error
        for choices in tried.values():
            least = {query: min(rmse(each[query])[0] for each in choices.values()) for query in next(iter(choices.values()))}
            noise = min(choices, key=lambda noise: sum(math.log(rmse(error)[0] / least[query]) for query, error in choices[noise].items()))
            for query, error in choices[noise].items():
                best[found["system"], query] = (noise, error, rmse(error), statistics.median(abs(e) for e in error))
    ours, peers = systems[0], systems[1:]
    print("| Query | " + " | ".join([ours] + [f"{peer} | ratio" for peer in peers]) + " |")
    print("|---|---:|" + "---:|---:|" * len(peers))
    worse = []
    for query, spec in QUERIES.items():
        noise, _, (own, own_se), median = best[ours, query]
        line = [f"{spec[-1]}", f"{number(own)} ({number(median)}), {noise}"]
        for peer in peers:
            if (peer, query) not in best:
                line += ["–", "–"]
                continue
            noise, error, (theirs, se), median = best[peer, query]
            ratio, spread = theirs / own, 2 * math.hypot(own_se, se)
            if ratio < 1:
                worse.append((query, peer, ratio, spread))
            line += [f"{number(theirs)} ({number(median)}), {noise.split(', COUNT')[0].split(', SUM')[0].split(', AVG')[0]}", f"**{ratio:.2f}×** ±{100 * spread:.0f} %"]
        print("| " + " | ".join(line) + " |")
    for query, peer, ratio, spread in worse:
        print(f"below 1: {query}, {peer}: {ratio:.3f} ± {spread:.3f}" + (" (within the error of measurement)" if ratio + ratio * spread >= 1 else ""))


main()
