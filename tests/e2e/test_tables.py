"""The tables at rest are Delta Lake: other engines open them and count the same rows."""

import polars
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

KINDS = {"number": polars.Int64, "share": polars.Float64, "flag": polars.Boolean, "trace_id": polars.String}


def test_python_deltalake_and_polars_read_what_sql_reads(serve, org, delta_table):
    server = serve("[storage]\nflush_after_s = 0.3\n")
    total = 0
    for batch in range(5):
        spans = [
            OneSpan(
                name=f"batch {batch}",
                attributes={"number": number, "share": number / 7, "flag": number % 2 == 0, f"only.in.{batch}": "x"},
            )
            for number in range(100)
        ]
        body = export(spans).SerializeToString()
        assert server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
        total += len(spans)
        # A batch a commit: later batches bring columns that earlier files lack.
        wait_until(lambda: _rows(delta_table, server, org) == total, f"{total} rows flushed")
    assert server.value('SELECT count(*) AS n FROM "default"', org) == total

    folder = delta_table(server, org)
    table = DeltaTable(folder)
    assert table.version() >= 4
    frame = polars.read_delta(str(folder))
    assert frame.height == total
    assert {name: frame.schema[name] for name in KINDS} == KINDS
    per_batch = frame.group_by("operation_name").agg(polars.col("number").sum(), polars.col("only_in_3").count().alias("n"))
    assert sorted(per_batch.rows()) == [(f"batch {batch}", 4950, 100 if batch == 3 else 0) for batch in range(5)]
    by_sql = server.rows('SELECT span_id, number, share, flag FROM "default" ORDER BY span_id', org)
    at_rest = frame.select("span_id", "number", "share", "flag").sort("span_id").to_dicts()
    assert by_sql == at_rest


def _rows(delta_table, server, org) -> int:
    try:
        return polars.read_delta(str(delta_table(server, org)), columns=["trace_id"]).height
    except (AssertionError, TableNotFoundError):
        return 0  # no table before the first flush, or a folder without a version yet


def test_promised_columns_are_in_the_table_before_anybody_sends_them(serve, org, delta_table):
    server = serve("[storage]\nflush_after_s = 0.3\n")
    body = export([OneSpan(name="plain")]).SerializeToString()
    assert server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    wait_until(lambda: _rows(delta_table, server, org) == 1, "the row is flushed")
    frame = polars.read_delta(str(delta_table(server, org)))
    for name in ("llm_model_name", "llm_usage_tokens_total", "gen_ai_response_model", "error_class"):
        assert frame[name].to_list() == [None]


def test_hot_and_committed_rows_are_one_view(serve, org):
    """While batches become files, every count is one that was true."""
    server = serve("[storage]\nflush_after_s = 0.2\n")
    for sent in range(1, 60):
        body = export([OneSpan()]).SerializeToString()
        assert server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
        assert server.value('SELECT count(*) AS n FROM "default"', org) == sent
