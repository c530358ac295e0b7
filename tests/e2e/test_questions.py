"""Questions over HTTP: SQL in all formats, events, OpenObserve's other routes, filters, sessions, and giving up."""

import csv
import io
import json
import os
import time

import httpx
import polars
import pytest

from rig.server import HOUR_US, ROOT_BASIC, Server, basic, now_us
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def call(number: int, **more) -> OneSpan:
    """The n-th call: n + 1 input tokens, one more millisecond each, session by parity."""
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "llama3.1-8b",
        "llm.invocation_parameters": json.dumps({"model": LLAMA}),
        "llm.token_count.prompt": number + 1,
        "llm.token_count.completion": 2,
        "input.value": f"question {number}",
        "session.id": f"session-{number % 2}",
        "user.id": "ann",
        **more.pop("attributes", {}),
    }
    start = time.time_ns() - 60_000_000_000 + number * 1_000_000
    return OneSpan(attributes=attributes, start_ns=start, duration_ns=(number + 1) * 1_000_000, **more)


def send(server: Server, org: str, spans: list[OneSpan], stream: str = "default") -> None:
    body = export(spans).SerializeToString()
    answer = server.post(f"/api/{org}/v1/traces", content=body, headers={**PROTOBUF, "stream-name": stream})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def filled(server, org) -> str:
    """An organisation with 10 calls."""
    send(server, org, [call(number) for number in range(10)])
    return org


def span(separator: str = "&") -> str:
    return f"start_time={now_us() - HOUR_US}{separator}end_time={now_us() + 60_000_000}"


def native_span() -> str:
    return f"from_us={now_us() - HOUR_US}&to_us={now_us() + 60_000_000}"


def got(server: Server, path: str) -> dict:
    answer = server.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sql(server: Server, org: str, text: str, accept: str = "application/json", **more) -> httpx.Response:
    return server.post(f"/scope/v1/orgs/{org}/sql", json={"sql": text, **more}, headers={"accept": accept})


ROWS = "select llm_token_count_prompt as n, service_name as s from default order by n"


def test_sql_answers_in_the_format_that_is_asked_for(server, filled):
    expected = [{"n": number + 1, "s": "tests"} for number in range(10)]
    said = sql(server, filled, ROWS)
    assert said.status_code == 200 and said.headers["content-type"] == "application/json"
    body = said.json()
    assert body["rows"] == expected and body["row_count"] == 10 and body["partial"] is None
    assert body["columns"] == [{"name": "n", "type": "Int64"}, {"name": "s", "type": "Utf8"}]
    assert body["scanned"]["rows"] == 10

    lines = sql(server, filled, ROWS, "application/x-ndjson")
    assert [json.loads(line) for line in lines.text.splitlines()] == expected
    table = list(csv.DictReader(io.StringIO(sql(server, filled, ROWS, "text/csv").text)))
    assert table == [{"n": str(row["n"]), "s": row["s"]} for row in expected]


def test_an_arrow_stream_is_read_by_another_engine(server, filled):
    said = sql(server, filled, ROWS, "application/vnd.apache.arrow.stream")
    assert said.headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = polars.read_ipc_stream(io.BytesIO(said.content))
    assert table["n"].to_list() == list(range(1, 11)) and table.schema["n"] == polars.Int64


def test_sql_that_cannot_be_answered_has_a_status_and_says_why(server, filled):
    for text, word in [
        ("select 1; select 2", "exactly one"),
        ("select * from nowhere", "nowhere"),
        ("select re_match(service_name, '(') from default", "not valid"),
        ("select no_function(duration) from default", "no_function"),
    ]:
        said = sql(server, filled, text)
        assert said.status_code == 400 and word in said.json()["error"]["message"], said.text
    assert sql(server, filled, ROWS, "image/png").status_code == 400
    assert server.post(f"/scope/v1/orgs/{filled}/sql", json={"sql": ROWS}, authorization=None).status_code == 401
    token = f"Bearer {server.token(filled, scopes=('ingest',))}"
    assert server.post(f"/scope/v1/orgs/{filled}/sql", json={"sql": ROWS}, authorization=token).status_code == 403


def test_a_column_that_nobody_sent_is_null_with_a_hint(server, filled):
    body = sql(server, filled, "select llm_model_nam, duration from default limit 1").json()
    assert body["unknown_columns"] == ["llm_model_nam"]
    assert "llm_model_name" in body["hint"]
    said = server.search("select nobody from default limit 1", filled).json()
    assert said["unknown_columns"] == ["nobody"] and "nobody" in said["hint"]
    assert said["scanned"]["rows"] == 10


def test_an_answer_beyond_its_rows_is_partial_or_breaks_off(serve):
    server = serve("[query]\nmost_streamed_rows = 5\nmost_rows = 5\n")
    send(server, "default", [call(number) for number in range(10)])
    body = sql(server, "default", ROWS).json()
    assert len(body["rows"]) == 5 and "query.most_streamed_rows" in body["partial"]
    for accept in ("text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"):
        with pytest.raises(httpx.RemoteProtocolError):
            sql(server, "default", ROWS, accept)
        assert sql(server, "default", ROWS + " limit 5", accept).status_code == 200
    said = server.search(ROWS, size=-1).json()
    assert said["is_partial"] and "query.most_rows" in said["function_error"][0]


def test_histograms_percentiles_and_words(server, filled):
    assert server.rows("select histogram(_timestamp, '1 hour') as ts, count(*) as n from default group by ts", filled)[0]["n"] <= 10
    said = server.search("select histogram(_timestamp) as ts, count(*) as n from default group by ts order by ts", filled).json()
    assert said["histogram_interval"] == 60 and sum(hit["n"] for hit in said["hits"]) == 10
    assert all(len(hit["ts"]) == len("2026-11-24T00:05:00") for hit in said["hits"])
    assert server.value("select approx_percentile_cont(duration, 0.5) as p from default", filled) in (5500, 5000, 6000)
    assert server.value("select count(*) as n from default where match_all('question 7')", filled) == 1
    assert server.value("select count(*) as n from default where llm_token_count_prompt > '9'", filled) == 1
    error = server.search("select histogram(_timestamp, 60) from default", filled)
    assert error.status_code == 400 and error.json()["code"] == 20013


def events(text: str) -> list[tuple[str, object]]:
    """Server-sent events as (name, data); `[[DONE]]` is a data without a name."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if fields:
            data = fields["data"]
            found.append((fields.get("event", ""), data if data.startswith("[[") else json.loads(data)))
    return found


def stream(server: Server, org: str, text: str, **query) -> list[tuple[str, object]]:
    asked = {"sql": text, "start_time": now_us() - HOUR_US, "end_time": now_us() + HOUR_US, "from": 0, "size": -1}
    said = server.post(f"/api/{org}/_search_stream?type=traces", json={"query": {**asked, **query}})
    assert said.status_code == 200 and said.headers["content-type"] == "text/event-stream", said.text
    return events(said.text)


def test_a_search_streams_metadata_hits_progress_and_an_end(server, filled):
    found = stream(server, filled, "select llm_token_count_prompt from default")
    names = [name for name, _ in found]
    assert names[:2] == ["search_response_metadata", "search_response_hits"]
    assert found[-1] == ("", "[[DONE]]") and found[-2] == ("progress", {"percent": 100})
    metadata = found[0][1]
    assert metadata["results"]["hits"] == [] and metadata["streaming_aggs"] is False
    assert metadata["results"]["order_by"] == "desc" and not metadata["results"]["is_partial"]
    assert metadata["time_offset"]["start_time"] < metadata["time_offset"]["end_time"]
    hits = [hit for name, data in found if name == "search_response_hits" for hit in data["hits"]]
    total = sum(data["results"]["total"] for name, data in found if name == "search_response_metadata")
    assert [hit["llm_token_count_prompt"] for hit in hits] == list(range(10, 0, -1)) and total == 10


def test_a_long_stream_comes_in_pieces_newest_first(server, org):
    long = {"input.value": "x" * 40_000}
    send(server, org, [call(number, attributes=long) for number in range(20)])
    send(server, org, [call(number + 20, attributes=long) for number in range(20)])
    found = stream(server, org, 'select * from "default"')
    pieces = [data["hits"] for name, data in found if name == "search_response_hits"]
    assert len(pieces) > 1
    times = [hit["_timestamp"] for piece in pieces for hit in piece]
    assert len(times) == 40 and times == sorted(times, reverse=True)
    assert [data for name, data in found if name == "progress"][-1] == {"percent": 100}


def test_a_stream_of_counts_of_nothing_and_of_errors(server, filled):
    (hits,) = [data["hits"] for name, data in stream(server, filled, "select * from default", track_total_hits=True) if name.endswith("hits")]
    assert hits == [{"zo_sql_num": 10}]
    nothing = stream(server, filled, "select * from default where service_name = 'nobody'")
    assert [name for name, _ in nothing] == ["search_response_metadata", "search_response_hits", "progress", ""]
    bad = server.post(f"/api/{filled}/_search_stream", json={"query": {"sql": "select * from nowhere", "start_time": 1, "end_time": 2}})
    assert bad.status_code == 400 and bad.json()["code"] == 20002
    late = stream(server, filled, "select re_match(service_name, '(') as m from default")
    assert late[-1][0] == "error" and "not valid" in late[-1][1]["message"]


HEAVY = "select sum(a.duration * b.duration + c.duration) as s from default a, default b, default c, default d"


def running(server: Server) -> int:
    text = server.get("/metrics").text
    (line,) = [line for line in text.splitlines() if line.startswith("inferscope_queries_running ")]
    return int(float(line.split()[1]))


def test_a_query_ends_when_its_caller_goes_away(serve):
    server = serve("[query]\nconcurrent = 1\n")
    for part in range(4):
        send(server, "default", [call(number + 500 * part) for number in range(500)])
    for path, body in [
        ("/scope/v1/orgs/default/sql", {"sql": HEAVY}),
        ("/api/default/_search", {"query": {"sql": HEAVY, "start_time": 1, "end_time": now_us() + HOUR_US}}),
        ("/api/default/_search_stream", {"query": {"sql": HEAVY, "start_time": 1, "end_time": now_us() + HOUR_US}}),
    ]:
        with pytest.raises(httpx.ReadTimeout):
            server.post(path, json=body, timeout=httpx.Timeout(10, read=0.5))
        wait_until(lambda: running(server) == 0, f"nobody waits for {path}: the query has ended")
    assert server.value("select count(*) as n from default") == 2000


def test_openobserve_s_list_of_traces(server, filled):
    said = got(server, f"/api/{filled}/default/traces/latest?{span()}&size=3")
    assert (said["total"], said["from"], said["size"]) == (3, 0, 3)
    newest = said["hits"][0]
    assert newest["spans"] == [1, 0] and newest["duration"] == 10_000
    assert newest["end_time"] - newest["start_time"] == 10_000_000
    assert newest["service_name"] == [{"service_name": "tests", "count": 1, "duration": 10_000}]
    assert newest["first_event"] == {"service_name": "tests", "operation_name": "ChatCompletion"}
    assert (newest["gen_ai_usage_input_tokens"], newest["gen_ai_usage_output_tokens"]) == (10, 2)
    # 12 tokens at Cerebras's 0.10 USD a million.
    assert newest["gen_ai_usage_cost"] == pytest.approx(1.2e-6) and newest["models"] == ["llama3.1-8b"]
    shortest = got(server, f"/api/{filled}/default/traces/latest?{span()}&sort_by=duration&sort_order=asc&filter=llm_token_count_prompt%20%3E%205")
    assert shortest["hits"][0]["gen_ai_usage_input_tokens"] == 6 and shortest["total"] == 5
    events_of = events(server.get(f"/api/{filled}/default/traces/latest_stream?{span()}").text)
    assert events_of[-1] == ("", "[[DONE]]") and len(events_of[1][1]["hits"]) == 10

    empty = server.get(f"/api/{filled}/default/traces/latest")
    assert empty.status_code == 400 and empty.json()["message"] == "start_time is empty"
    nowhere = server.get(f"/api/{filled}/nowhere/traces/latest?{span()}")
    assert nowhere.status_code == 400 and nowhere.json()["code"] == 20002
    injected = server.get(f"/api/{filled}/default/traces/latest?{span()}&filter=1%20in%20(select%201)")
    assert injected.status_code == 400


def test_openobserve_s_sessions_users_and_one_trace(server, filled, org):
    sessions = got(server, f"/api/{filled}/default/traces/session?{span()}")
    assert {hit["session_id"]: hit["trace_count"] for hit in sessions["hits"]} == {"session-0": 5, "session-1": 5}
    one = next(hit for hit in sessions["hits"] if hit["session_id"] == "session-0")
    assert one["gen_ai_usage_input_tokens"] == 1 + 3 + 5 + 7 + 9 and one["user_ids"] == ["ann"]
    assert one["duration"] == one["end_time"] - one["start_time"] and one["first_user_message"] == "question 0"
    details = got(server, f"/api/{filled}/default/traces/session/details?{span()}&session_id=session-1")
    assert details["total"] == 5
    (user,) = got(server, f"/api/{filled}/default/traces/user?{span()}")["hits"]
    assert (user["user_id"], user["total_events"], user["gen_ai_usage_total_tokens"]) == ("ann", 10, 55 + 20)

    trace = os.urandom(16)
    root = call(1, trace_id=trace)
    send(server, org, [root, call(2, trace_id=trace, parent=root.span_id)], "Other App")
    path = f"/api/{org}/other_app/traces/{trace.hex()}"
    dag = got(server, f"{path}/dag?{span()}")
    assert len(dag["nodes"]) == 2 and not dag["truncated"]
    assert dag["edges"] == [{"from": root.span_id.hex(), "to": dag["nodes"][1]["span_id"]}]
    whole = got(server, f"{path}/details")
    assert whole["total"] == 2 and whole["hits"][0]["span_id"] == root.span_id.hex()
    missing = server.get(f"/api/{org}/other_app/traces/{'0' * 31}1/dag")
    assert missing.status_code == 404 and missing.json()["message"] == "Trace not found"


def test_streams_schemas_values_and_organizations(server, filled):
    send(server, filled, [call(1)], "Second App")
    listed = got(server, f"/api/{filled}/streams?type=traces&fetchSchema=true")
    assert [stream["name"] for stream in listed["list"]] == ["default", "second_app"] and listed["total"] == 2
    stats = listed["list"][0]["stats"]
    assert stats["doc_num"] == 10 and stats["doc_time_min"] < stats["doc_time_max"]
    one = got(server, f"/api/{filled}/streams/second_app/schema?type=traces")
    assert {"name": "llm_token_count_prompt", "type": "Int64"} in one["schema"]
    assert one["total_fields"] == len(one["schema"]) and one["settings"]["is_llm_stream"] is True
    missing = server.get(f"/api/{filled}/streams/nowhere/schema?type=traces")
    assert missing.status_code == 404 and missing.json()["message"] == "stream not found"

    values = got(server, f"/api/{filled}/default/_values?type=traces&fields=session_id,nobody&{span()}&size=1")
    assert values["total"] == 2
    assert values["hits"] == [
        {"field": "session_id", "values": [{"zo_sql_key": "session-0", "zo_sql_num": 5}]},
        {"field": "nobody", "values": []},
    ]
    narrower = got(server, f"/api/{filled}/default/_values?fields=session_id&{span()}&keyword=ON-1&no_count=true")
    assert [value["zo_sql_key"] for value in narrower["hits"][0]["values"]] == ["session-1"]
    names = [entry["identifier"] for entry in got(server, "/api/organizations")["data"]]
    assert filled in names
    token = f"Bearer {server.token(filled, scopes=('read',))}"
    mine = server.get("/api/organizations", authorization=token).json()["data"]
    assert [entry["identifier"] for entry in mine] == [filled]


def test_nobody_reads_another_organization_by_any_of_these(server, filled):
    stranger = f"Bearer {server.token('default', scopes=('read',))}"
    for path in [
        f"/api/{filled}/streams",
        f"/api/{filled}/streams/default/schema",
        f"/api/{filled}/default/_values?fields=a&{span()}",
        f"/api/{filled}/default/traces/latest?{span()}",
        f"/api/{filled}/default/traces/session?{span()}",
        f"/scope/v1/orgs/{filled}/sessions",
        f"/scope/v1/orgs/{filled}/users",
        f"/scope/v1/orgs/{filled}/traces/facets",
    ]:
        assert server.get(path, authorization=stranger).status_code == 403, path
        assert server.get(path, authorization=None).status_code == 401, path
        assert server.get(path, authorization=basic("root@example.com", "wrong")).status_code == 401, path
    assert server.get(f"/api/{filled}/streams", authorization=ROOT_BASIC).status_code == 200


def traces(server: Server, org: str, **parameters) -> list[dict]:
    range_ = {"from_us": str(now_us() - HOUR_US), "to_us": str(now_us() + 60_000_000)}
    answer = server.get(f"/scope/v1/orgs/{org}/traces", params={**range_, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()["traces"]


def test_a_list_is_filtered_by_the_small_language(server, filled):
    assert len(traces(server, filled, q="")) == 10
    assert len(traces(server, filled, q="duration:>5ms")) == 5
    assert len(traces(server, filled, q="input_tokens:<=2 session:session-1")) == 1
    assert len(traces(server, filled, q="-session:session-1 model:meta-llama/*")) == 5
    assert [row["input_preview"] for row in traces(server, filled, q='"question 3"')] == ["question 3"]
    bad = server.get(f"/scope/v1/orgs/{filled}/traces", params={"q": "a:b duration:>5"})
    assert bad.status_code == 400 and "character 15" in bad.json()["error"]["message"]
    assert server.get(f"/scope/v1/orgs/{filled}/traces", params={"http_class": "9xx"}).status_code == 400


def test_facets_count_the_traces_of_the_list(server, filled):
    said = got(server, f"/scope/v1/orgs/{filled}/traces/facets?{native_span()}&fields=session,http&q=duration:>5ms")
    session, http = said["facets"]
    assert (session["field"], session["column"]) == ("session", "session_id")
    assert sorted((value["value"], value["traces"]) for value in session["values"]) == [("session-0", 2), ("session-1", 3)]
    assert (http["values"], http["traces_without"]) == ([], 5)


def test_sessions_and_users_with_their_sums(server, filled):
    said = got(server, f"/scope/v1/orgs/{filled}/sessions?{native_span()}&limit=1")
    (newest,) = said["sessions"]
    assert (newest["session_id"], newest["calls"], newest["errors"]) == ("session-1", 5, 0)
    assert newest["tokens_input"] == 2 + 4 + 6 + 8 + 10 and newest["token_source"] == "derived"
    assert newest["token_sources"] == {"reported": 0, "derived": 5, "estimated": 0, "partial": 0, "absent": 0}
    assert newest["cost_usd"] == pytest.approx((30 + 10) * 1e-7) and newest["unpriced_calls"] == 0
    send(server, filled, [call(50, attributes={"session.id": "session-2"})])
    rest = got(server, f"/scope/v1/orgs/{filled}/sessions?{native_span()}&before={said['next']}")
    assert [session["session_id"] for session in rest["sessions"]] == ["session-0"] and rest["next"] is None
    (user,) = got(server, f"/scope/v1/orgs/{filled}/users?{native_span()}")["users"]
    assert user["session_ids"] == ["session-0", "session-1", "session-2"] and user["traces"] == 11


def test_calls_are_compared_by_any_field(server, filled):
    (model,) = got(server, f"/scope/v1/orgs/{filled}/models?{native_span()}")["models"]
    assert (model["model_requested"], model["calls"], model["unpriced_calls"]) == (LLAMA, 10, 0)
    assert model["cost_usd"] == pytest.approx((55 + 20) * 1e-7)
    # Durations are 1 to 10 ms: by a histogram with an error of 1 %.
    assert model["latency_s"]["p50"] == pytest.approx(0.005, rel=0.25)
    assert model["latency_s"]["p99"] == pytest.approx(0.010, rel=0.02)
    assert model["output_tokens_per_s"]["p99"] == pytest.approx(2000, rel=0.02)
    assert model["ttft_s"]["p50"] is None
    slow = got(server, f"/scope/v1/orgs/{filled}/models?{native_span()}&q=duration:>5ms")
    assert (slow["calls"], [row["calls"] for row in slow["models"]]) == (5, [5])
    said = got(server, f"/scope/v1/orgs/{filled}/models?{native_span()}&by=session")
    assert [(row["value"], row["calls"], row["model_requested"]) for row in said["models"]] == [("session-0", 5, None), ("session-1", 5, None)]


def test_what_is_different_about_slow_calls(server, org):
    spans = [call(number, attributes={"region": "far" if number >= 15 else "near"}) for number in range(20)]
    send(server, org, spans)
    body = {"q": "duration:>15ms", "from_us": now_us() - HOUR_US, "to_us": now_us() + 60_000_000}
    answer = server.post(f"/scope/v1/orgs/{org}/explain", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["selected_calls"], said["other_calls"], said["complete"]) == (5, 15, True)
    first = next(one for one in said["differences"] if one["column"] == "region")
    assert first["score"] == max(one["score"] for one in said["differences"])
    assert {value["value"]: value["selected_share"] for value in first["values"]} == {"far": 1.0, "near": 0.0}
    assert not any(one["column"] == "duration" for one in said["differences"])


def test_a_long_chain_is_answered_or_refused_and_ends_nothing(server, filled):
    chain = lambda parts: "select count(*) as n from default where " + " or ".join(["duration = 0"] * parts)
    assert sql(server, filled, chain(1_000)).json()["rows"] == [{"n": 0}]
    refused = sql(server, filled, chain(5_000))
    assert refused.status_code == 400 and "at most 4096" in refused.json()["error"]["message"]
    long = " or ".join(["duration = 0"] * 1_500)
    refused = httpx.get(f"{server.url}/api/{filled}/default/traces/latest", params={"start_time": 1, "end_time": now_us(), "filter": long}, headers={"authorization": ROOT_BASIC})
    assert refused.status_code == 400
    assert server.get("/readyz").status_code == 200


def test_a_select_over_a_select_needs_no_time(server, filled):
    said = sql(server, filled, "select t.n from (select count(*) as n from default) t")
    assert said.json()["rows"] == [{"n": 10}]
