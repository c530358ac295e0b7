"""OpenObserve's other routes against figures worked out by hand, and what its answers and ours are made of."""

import os
import threading
import time

import httpx
import pytest
from test_questions import HEAVY, call, events, filled, got, running, send, span, sql, stream  # noqa: F401

from rig.server import ROOT_BASIC, ROOT_EMAIL, now_us
from rig.waiting import wait_until


def test_values_come_a_column_at_a_time(server, filled):
    """Both ways to ask, and the same columns as `_values`."""
    fields = "session_id,user_id,nobody"
    whole = got(server, f"/api/{filled}/default/_values?type=traces&fields={fields}&{span()}")
    body = {"stream_name": "default", "fields": fields.split(","), "start_time": 1, "end_time": now_us() + 60_000_000}
    for said in (
        server.get(f"/api/{filled}/default/_values_stream?type=traces&fields={fields}&{span()}"),
        server.post(f"/api/{filled}/_values_stream?type=traces", json=body),
    ):
        assert said.status_code == 200 and said.headers["content-type"] == "text/event-stream", said.text
        found = events(said.text)
        names = [name for name, _ in found]
        assert names == ["search_response_metadata", "search_response_hits", "progress"] * 3 + [""]
        hits = [hit for name, data in found if name == "search_response_hits" for hit in data["hits"]]
        assert hits == whole["hits"] == [
            {"field": "session_id", "values": [{"zo_sql_key": f"session-{n}", "zo_sql_num": 5} for n in (0, 1)]},
            {"field": "user_id", "values": [{"zo_sql_key": "ann", "zo_sql_num": 10}]},
            {"field": "nobody", "values": []},
        ]
        assert [data["percent"] for name, data in found if name == "progress"] == [33, 66, 100]
    assert whole["total"] == 3 and whole["unknown_columns"] == ["nobody"] and "nobody" in whole["hint"]
    # Ten rows, looked at once for each of three columns.
    assert whole["scan_records"] == whole["scanned"]["rows"] == 30


def test_a_trace_and_a_session_have_their_times(server, org):
    trace, start = os.urandom(16), (time.time_ns() // 1000 - 30_000_000) * 1000
    first = call(1, trace_id=trace)
    second = call(3, trace_id=trace, parent=first.span_id)
    first.start_ns, first.duration_ns = start, 2_000_000
    second.start_ns, second.duration_ns = start + 1_000_000, 5_000_000
    send(server, org, [first, second])
    route = f"/api/{org}/default/traces/time_range"
    expected = {"start_time": start // 1000, "end_time": start // 1000 + 6_000}
    assert got(server, f"{route}?trace_id={trace.hex()}") == expected
    assert got(server, f"{route}?trace_id={trace.hex().upper()}") == expected
    assert got(server, f"{route}?session_id=session-1") == expected
    missing = server.get(f"{route}?session_id=nobody")
    assert missing.status_code == 404 and missing.json()["message"] == "Session not found"
    both = server.get(f"{route}?session_id=a&trace_id=b")
    assert both.status_code == 400 and "not both" in both.json()["message"]


def test_users_are_the_root_login_and_told_to_admins_only(server, filled):
    (user,) = got(server, f"/api/{filled}/users")["data"]
    assert (user["email"], user["role"], user["is_external"]) == (ROOT_EMAIL, "root", False)
    reader = f"Bearer {server.token(filled, scopes=('read',))}"
    assert server.get(f"/api/{filled}/users", authorization=reader).status_code == 403
    assert server.get(f"/api/{filled}/users", authorization=None).status_code == 401


def test_our_own_sql_answers_exactly_what_is_selected(server, filled):
    """OpenObserve's route adds the time to a plain list; both give the newest first."""
    text = "select llm_token_count_prompt as n from default limit 3"
    own = sql(server, filled, text).json()
    assert own["rows"] == [{"n": 10}, {"n": 9}, {"n": 8}]
    assert own["columns"] == [{"name": "n", "type": "Int64"}]
    theirs = server.rows(text, filled)
    assert [set(row) for row in theirs] == [{"n", "_timestamp"}] * 3
    unnamed = sql(server, filled, "select count(*), sum(llm_token_count_prompt + 1), count(1) from default").json()
    assert unnamed["rows"] == [{"count(*)": 10, "sum(llm_token_count_prompt + 1)": 65, "count(1)": 10}]


def test_groups_come_in_few_pieces(server, filled):
    many = "select llm_token_count_prompt as n, count(*) as c from default group by n"
    found = stream(server, filled, many)
    assert len([name for name, _ in found if name == "search_response_hits"]) == 1
    hits = next(data["hits"] for name, data in found if name == "search_response_hits")
    assert sorted((hit["n"], hit["c"]) for hit in hits) == [(n, 1) for n in range(1, 11)]


def test_percentiles_of_rows_that_were_counted_together(server, filled):
    """Input tokens 1 to 10, where 10 stands for as many rows as all others together: ranks 0 to 17."""
    weight = "case when llm_token_count_prompt = 10 then 9 else 1 end"
    text = f"select summary_percentile(llm_token_count_prompt, {weight}, 0.5) as half, summary_percentile(llm_token_count_prompt, 1, 0.5) as plain from default"
    assert server.rows(text, filled) == [{"half": 9.5, "plain": 5.5}]


def test_a_full_queue_says_so_on_every_route(serve):
    server = serve("[query]\nconcurrent = 1\n")
    for part in range(4):
        send(server, "default", [call(number + 500 * part) for number in range(500)])

    def occupy() -> None:
        with pytest.raises(httpx.ReadTimeout):
            server.post("/scope/v1/orgs/default/sql", json={"sql": HEAVY}, timeout=httpx.Timeout(10, read=5))

    busy = threading.Thread(target=occupy)
    busy.start()
    wait_until(lambda: running(server) == 1, "the heavy query runs")
    query = {"query": {"sql": "select 1 as one", "start_time": 1, "end_time": 2}}
    answers = [
        server.post("/api/default/_search", json=query),
        server.post("/api/default/_search_stream", json=query),
        server.get(f"/api/default/default/_values?fields=session_id&{span()}"),
        server.get(f"/api/default/default/traces/latest?{span()}"),
        server.post("/scope/v1/orgs/default/sql", json={"sql": "select 1 as one"}),
    ]
    busy.join()
    for answer in answers:
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1", answer.text
        assert "query.concurrent" in answer.text
    assert answers[0].json()["code"] == 503
    wait_until(lambda: running(server) == 0, "the heavy query has ended with its caller")
    assert server.post("/api/default/_search", json=query).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"])
def test_a_stream_that_nobody_reads_on_ends(serve, accept):
    """The caller goes away after the first bytes of an answer that would never end."""
    server = serve()
    send(server, "default", [call(number) for number in range(500)])
    endless = "select a.span_id, b.span_id as other from default a, default b, default c, default d"
    headers = {"authorization": ROOT_BASIC, "accept": accept}
    with httpx.stream("POST", f"{server.url}/scope/v1/orgs/default/sql", json={"sql": endless}, headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert next(pieces)
        assert running(server) == 1
    wait_until(lambda: running(server) == 0, "the query has ended with its caller")
