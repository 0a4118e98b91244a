"""Splink 5 as a competent user would set it up for these fields; clusters at each threshold.

linkage_splink.py IN.parquet OUT.parquet written|normal THRESHOLD...
IN: row, source, insurer_no, symbol, number, branch, name, kana, birth, sex, postcode. OUT: row, one column of cluster numbers a threshold.
The last line on standard output is JSON: seconds of training, prediction, clustering (one threshold), and their sum; `processor` is the same
sum in processor time of all threads.
"""
import json
import os
import sys
import time

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

source, target, form, *thresholds = sys.argv[1:]
connection = duckdb.connect()
# Not all of the machine that the figures are from; what is more goes to disk.
connection.execute(f"SET memory_limit = '10GB'; SET temp_directory = '{os.path.dirname(target)}'")
connection.execute(f"CREATE TABLE people AS SELECT * FROM read_parquet('{source}')")


# Insurer, 記号 and 番号 belong to a family: three comparisons of them would count one fact three times.
connection.execute("""
    ALTER TABLE people ADD COLUMN membership VARCHAR;
    UPDATE people SET membership = insurer_no || '|' || coalesce(symbol, '') || '|' || number;
""")


def same(name):
    return f'"{name}_l" = "{name}_r"'


def name_of(name):
    """Exact (by how frequent the name is), one character wrong, else. DuckDB's distance counts bytes: a character has three."""
    levels = [cll.NullLevel(name), cll.ExactMatchLevel(name, term_frequency_adjustments=True), cll.LevenshteinLevel(name, 3), cll.ElseLevel()]
    return cl.CustomComparison(output_column_name=name, comparison_levels=levels)


membership = cl.CustomComparison(
    output_column_name="membership",
    comparison_levels=[
        cll.NullLevel("membership"),
        cll.CustomLevel(f"{same('membership')} AND {same('branch')}", "same membership, same branch"),
        cll.CustomLevel(f"{same('membership')} AND (branch_l IS NULL OR branch_r IS NULL)", "same membership, branch missing"),
        cll.CustomLevel(same("membership"), "same membership, another branch"),
        cll.CustomLevel(f"{same('insurer_no')} AND levenshtein(number_l, number_r) <= 1", "one digit wrong"),
        cll.CustomLevel('"insurer_no_l" <> "insurer_no_r"', "another insurer"),
        cll.ElseLevel(),
    ],
)
if form == "normal":
    birth = cl.CustomComparison(
        output_column_name="birth",
        comparison_levels=[
            cll.NullLevel("birth"),
            cll.ExactMatchLevel("birth"),
            cll.DamerauLevenshteinLevel("birth", 1),
            cll.DamerauLevenshteinLevel("birth", 2),
            cll.ElseLevel(),
        ],
    )
else:
    birth = cl.DamerauLevenshteinAtThresholds("birth", [1, 2])

settings = SettingsCreator(
    link_type="dedupe_only",
    unique_id_column_name="row",
    comparisons=[name_of("name"), name_of("kana"), birth, cl.ExactMatch("sex"), membership],
    blocking_rules_to_generate_predictions=[
        block_on("kana", "birth"),
        block_on("name", "birth"),
        block_on("membership", "birth"),
        block_on("kana", "number"),
        block_on("name", "number"),
        block_on("birth", "sex", "substr(kana, 1, 2)"),
        block_on("birth", "sex", "substr(name, 1, 1)"),
    ],
    additional_columns_to_retain=["insurer_no", "number", "branch"],
    retain_intermediate_calculation_columns=False,
    retain_matching_columns=False,
)
api = DuckDBAPI(connection)
linker = Linker(api.register("people"), settings)
start, burnt = time.perf_counter(), time.process_time()
train = linker.training
train.estimate_probability_two_random_records_match(
    [block_on("kana", "birth", "sex"), block_on("name", "birth", "sex"), block_on("membership", "birth", "sex")], recall=0.9
)
train.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
train.estimate_parameters_using_expectation_maximisation(block_on("name", "birth"))
train.estimate_parameters_using_expectation_maximisation(block_on("kana", "number"))
train.estimate_parameters_using_expectation_maximisation(block_on("membership", "birth"))
trained = time.perf_counter()
pairs = linker.inference.predict(threshold_match_probability=float(thresholds[0]))
predicted, burnt = time.perf_counter(), time.process_time() - burnt
columns, once, burnt_once = [], 0.0, 0.0
for threshold in thresholds:
    began, before = time.perf_counter(), time.process_time()
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=float(threshold))
    once, burnt_once = max(once, time.perf_counter() - began), max(burnt_once, time.process_time() - before)
    table = f"clusters_{len(columns)}"
    connection.execute(
        f"CREATE TABLE {table} AS SELECT row, (dense_rank() OVER (ORDER BY cluster_id) - 1)::UINTEGER AS \"{threshold}\" "
        f"FROM {clusters.physical_name}"
    )
    columns.append((table, threshold))
joins = " ".join(f"JOIN {table} USING (row)" for table, _ in columns[1:])
names = ", ".join(f'"{threshold}"' for _, threshold in columns)
connection.execute(f"COPY (SELECT row, {names} FROM {columns[0][0]} {joins} ORDER BY row) TO '{target}' (FORMAT parquet)")
print(
    json.dumps(
        {
            "train": trained - start,
            "predict": predicted - trained,
            "cluster": once,
            "seconds": predicted - start + once,
            "processor": burnt + burnt_once,
            "pairs": connection.execute(f"SELECT count(*) FROM {pairs.physical_name}").fetchone()[0],
        }
    )
)
