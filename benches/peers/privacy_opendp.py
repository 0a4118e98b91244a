"""OpenDP on Polars on the common queries: python privacy_opendp.py FOLDER [REPETITIONS]

Told: public keys, bounds per group, groups per person, rows per person, lengths of groups; Laplace by pure DP, Gaussian by the largest rho whose
zCDP is within (epsilon, delta)."""

import sys
import warnings
from importlib.metadata import version

import opendp.prelude as dp
import polars as pl

from privacy_queries import DELTA, EPSILON, POINTS, QUERIES, SBP, Results, load, outputs

dp.enable_features("contrib")
warnings.filterwarnings("ignore")


def rho():
    """The largest rho for which zCDP implies (EPSILON, DELTA), by OpenDP's own conversion."""
    low, high = 0.0, EPSILON
    for _ in range(60):
        middle = (low + high) / 2
        space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
        curve = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=(0.5 / middle) ** 0.5)).map(1.0)
        low, high = (middle, high) if curve.epsilon(DELTA) <= EPSILON else (low, middle)
    return low


def main():
    folder, repetitions = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 400
    tables, results = load(folder), Results(f"OpenDP {version('opendp')} (Polars)")
    losses = {"laplace": dp.loss_of(epsilon=EPSILON), "gaussian": dp.loss_of(rho=rho())}
    value = {"people": ("sbp", SBP), "types": ("points", POINTS)}
    for name, (table, group, groups, l0, linf, l1, _) in QUERIES.items():
        if not outputs(name):
            continue  # Asked for together with the count.
        frame = pl.LazyFrame(tables[table])
        keys = pl.LazyFrame({group: pl.Series(range(groups), dtype=pl.Int64)})
        bounds = [dp.polars.Bound(by=[group], per_group=linf, num_groups=l0), dp.polars.Bound(by=[], per_group=l1)]
        column, limits = value.get(table, (None, None))
        count = dp.len(signed=True)
        if name.startswith(("persons", "rows")):
            aggregates = [[count.alias("v0")]]
        elif name.startswith("sum"):
            aggregates = [[pl.col(column).dp.sum(limits).alias("v0")]]
        elif name == "median":
            candidates = list(range(SBP[0], SBP[1] + 1))
            aggregates = [[pl.col(column).dp.median(candidates).alias("v0")]]
        elif name.startswith("count and sum"):
            aggregates = [[count.alias("v0"), pl.col(column).dp.sum(limits).alias("v1")]]
        elif name.startswith("count and mean"):
            middle = sum(limits) // 2
            centred = (pl.col(column) - middle).dp.sum((limits[0] - middle, limits[1] - middle))
            # As it is offered; and what its means are made of, the count shared and the sum about the middle of the bounds.
            aggregates = [[count.alias("v0"), pl.col(column).dp.mean(limits).alias("v1")], [count.alias("v0"), centred.alias("s")]]
        else:
            middle = sum(limits) // 2
            centred = (pl.col(column) - middle).dp.mean((limits[0] - middle, limits[1] - middle))
            aggregates = [[pl.col(column).dp.mean(limits).alias("v0")], [centred.alias("v0")]]
        for noise, loss in losses.items():
            for variant, aggregate in enumerate(aggregates):
                margins = [dp.polars.Margin(by=[group], max_length=5_000, max_groups=groups)]
                context = dp.Context.compositor(
                    data=frame, privacy_unit=dp.unit_of(contributions=bounds), privacy_loss=loss, split_evenly_over=1, margins=margins
                )
                try:
                    measurement = context.query().group_by(group).agg(*aggregate).with_keys(keys).resolve()
                    runs = []
                    for _ in range(repetitions):
                        found = measurement(frame).collect().sort(group)
                        if "s" in found.columns:
                            found = found.with_columns(v1=pl.col("s") / pl.col("v0") + middle).drop("s")
                        elif variant:
                            found = found.with_columns(v0=pl.col("v0") + middle)
                        runs.append(found.select(pl.col("^v.$").cast(pl.Float64)).rows())
                except Exception as error:  # A combination that it refuses is told, and left out.
                    print(f"OpenDP refuses {name} with {noise}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                    continue
                for at, each in enumerate(outputs(name)):
                    how = noise + (", centred by hand" if variant else "")
                    results.add(each, how, [[cell[at] for cell in run] for run in runs])
    results.write(folder, "opendp")


main()
