"""PipelineDP on the common queries, on its local backend: python privacy_pipelinedp.py FOLDER [REPETITIONS]

Told: public partitions, the bounds, both kinds of noise, both accountants (naive composition, and PLD where there are several mechanisms to
compose). Nobody exceeds the bounds, so that all repetitions have the same sums before the noise: its engine computes them once, and its last
stage, which adds the noise, is done again and again."""

import copy
import sys
from importlib.metadata import version

import pipeline_dp
from pipeline_dp import AggregateParams, DataExtractors, Metrics, NoiseKind

from privacy_queries import DELTA, EPSILON, POINTS, QUERIES, SBP, Results, load

ACCOUNTANTS = {"naive": pipeline_dp.NaiveBudgetAccountant, "PLD": pipeline_dp.PLDBudgetAccountant}


class Repeating(pipeline_dp.LocalBackend):
    """The last stage many times: a list of results for each partition."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def map_values(self, col, fn, stage_name=None):
        if stage_name != "Compute DP metrics":
            return super().map_values(col, fn, stage_name)
        return super().map_values(col, lambda sums: [fn(copy.deepcopy(sums)) for _ in range(self.times)], stage_name)


def ask(rows, extractors, metrics, bounds, noise, accountant, query, times):
    table, group, groups, l0, linf, l1, _ = QUERIES[query]
    budget = ACCOUNTANTS[accountant](total_epsilon=EPSILON, total_delta=DELTA)
    engine = pipeline_dp.DPEngine(budget, Repeating(times))
    limits = {"max_partitions_contributed": l0, "max_contributions_per_partition": linf}
    params = AggregateParams(metrics=metrics, noise_kind=noise, **limits, **bounds)
    result = engine.aggregate(rows, params, extractors, public_partitions=list(range(groups)))
    budget.compute_budgets()
    return dict(result)


def main():
    folder, repetitions = sys.argv[1], 5 * (int(sys.argv[2]) if len(sys.argv) > 2 else 400)
    tables, results = load(folder), Results(f"PipelineDP {version('pipeline-dp')}")
    asked = [
        (["persons"], [Metrics.PRIVACY_ID_COUNT], ["privacy_id_count"]),
        (["persons of types"], [Metrics.PRIVACY_ID_COUNT], ["privacy_id_count"]),
        (["persons of months"], [Metrics.PRIVACY_ID_COUNT], ["privacy_id_count"]),
        (["rows"], [Metrics.COUNT], ["count"]),
        (["sum"], [Metrics.SUM], ["sum"]),
        (["sum of types"], [Metrics.SUM], ["sum"]),
        (["count and sum: count", "count and sum: sum"], [Metrics.COUNT, Metrics.SUM], ["count", "sum"]),
        (["mean"], [Metrics.MEAN], ["mean"]),
        (["mean of types"], [Metrics.MEAN], ["mean"]),
        (["count and mean: count", "count and mean: mean"], [Metrics.COUNT, Metrics.MEAN], ["count", "mean"]),
        (["median"], [Metrics.PERCENTILE(50)], ["percentile_50"]),
    ]
    for names, metrics, fields in asked:
        table, group = QUERIES[names[0]][:2]
        value = {"people": "sbp", "types": "points"}.get(table)
        rows = [(row["pid"], row[group], row.get(value, 1)) for row in tables[table]]
        extractors = DataExtractors(
            privacy_id_extractor=lambda row: row[0], partition_extractor=lambda row: row[1], value_extractor=lambda row: row[2]
        )
        limits = {"people": SBP, "types": POINTS}.get(table)
        bounds = {}
        if limits and metrics != [Metrics.PRIVACY_ID_COUNT]:
            bounds = {"min_value": limits[0], "max_value": limits[1]}
        for noise in [NoiseKind.LAPLACE, NoiseKind.GAUSSIAN]:
            for accountant in ACCOUNTANTS if Metrics.MEAN in metrics or len(metrics) > 1 else ["naive"]:
                try:
                    found = ask(rows, extractors, metrics, bounds, noise, accountant, names[0], repetitions)
                    one = lambda run: [[float(getattr(found[cell][run], field)) for field in fields] for cell in range(QUERIES[names[0]][2])]
                    runs = [one(run) for run in range(repetitions)]
                except Exception as error:  # A combination that it refuses is told, and left out.
                    print(f"PipelineDP refuses {names[0]} with {noise.value}, {accountant}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
                    continue
                for at, name in enumerate(names):
                    results.add(name, f"{noise.value}, {accountant}", [[cell[at] for cell in run] for run in runs])
    results.write(folder, "pipelinedp")


main()
