"""Lists, one trace, sessions and explanations of our own API: all streams, clear refusals, large traces, progress."""

import json
import os
import time

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from rig.server import HOUR_US, Server, now_us
from rig.spans import PROTOBUF, OneSpan, export

LLM = {"openinference.span.kind": "LLM", "llm.model_name": "llama3.1-8b"}


def send(server: Server, org: str, spans: list[OneSpan], stream: str = "default") -> None:
    body = export(spans).SerializeToString()
    answer = server.post(f"/api/{org}/v1/traces", content=body, headers={**PROTOBUF, "stream-name": stream})
    assert answer.status_code == 200, answer.text


def call(tokens: int | None = None, ago_s: float = 60, **more) -> OneSpan:
    counts = {} if tokens is None else {"llm.token_count.prompt": tokens, "llm.token_count.completion": 1}
    attributes = {**LLM, **counts, **more.pop("attributes", {})}
    return OneSpan(attributes=attributes, start_ns=time.time_ns() - int(ago_s * 1e9), duration_ns=more.pop("duration_ns", 1_000_000), **more)


def ask(server: Server, org: str, route: str, **parameters) -> httpx.Response:
    route, _, by = route.partition("?by=")
    return server.get(f"/scope/v1/orgs/{org}/{route}", params={**({"by": by} if by else {}), **parameters})


def got(server: Server, org: str, route: str, **parameters) -> dict:
    answer = ask(server, org, route, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(server: Server, org: str, route: str, **parameters) -> str:
    answer = ask(server, org, route, **parameters)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]["message"]


def test_every_route_reads_all_streams_or_those_that_are_named(server, org):
    send(server, org, [call(5, attributes={"session.id": "a", "user.id": "ann"})])
    prod = call(7, attributes={"session.id": "b", "user.id": "bob"})
    send(server, org, [prod], "prod")
    for route, rows in [("traces", "traces"), ("sessions", "sessions"), ("users", "users"), ("traces/facets", "facets"), ("models?by=session", "models")]:
        both, one = got(server, org, route), got(server, org, route, stream="prod")
        assert (both["streams"], one["streams"]) == (["default", "prod"], ["prod"]), route
        assert both["to_us"] - both["from_us"] == HOUR_US, "the range that was used"
        assert both[rows] != one[rows], route
        assert "there are: default, prod" in refused(server, org, route, stream="nowhere")
    (listed,) = got(server, org, "traces", stream="prod")["traces"]
    assert (listed["streams"], listed["tokens_input"]) == (["prod"], 7)
    whole = got(server, org, f"traces/{prod.trace_id.hex()}")
    assert whole["streams"] == ["prod"] and whole["spans"][0]["_stream"] == "prod"
    assert ask(server, org, f"traces/{prod.trace_id.hex()}", stream="default").status_code == 404


def test_a_trace_is_found_by_its_id_whenever_it_was(server, org):
    old = call(5, ago_s=4 * 3600)
    send(server, org, [old, call(6)])
    trace = old.trace_id.hex()
    for q in (f"trace:{trace}", trace, trace.upper()):
        said = got(server, org, "traces", q=q)
        assert [row["trace_id"] for row in said["traces"]] == [trace], q
        assert (said["from_us"], said["to_us"]) == (None, None), "all of time"
    assert got(server, org, "traces", q=f'"{trace}"')["traces"] == [], "in quotes it is text of the last hour"
    assert got(server, org, "traces", q=trace, from_us=now_us() - HOUR_US)["traces"] == []


def test_what_cannot_be_meant_is_refused_with_what_may_be(server, org):
    send(server, org, [call(5)])
    for route in ("traces", "sessions", "users", "traces/facets", "models"):
        assert 'did you mean "from_us"?' in refused(server, org, route, frm_us=5), route
        assert refused(server, org, route, from_us="abc") == "parameter from_us is no whole number", route
        assert "seems to count nanoseconds" in refused(server, org, route, from_us=now_us() * 1_000), route
    for route in ("traces", "sessions", "users", "traces/facets"):
        for limit in ("0", "-1", "501", "9" * 30, "ten"):
            text = refused(server, org, route, limit=limit)
            assert "from 1 to 500" in text and limit in text, (route, text)
        assert got(server, org, route, q="sesion:x")["unknown_fields"] == [{"field": "sesion", "nearest": "session"}]
        assert "needs a unit: us, ms, s" in refused(server, org, route, q="duration:>1")
        assert "1xx to 5xx" in refused(server, org, route, q="http:9xx")
    assert "did you mean" in refused(server, org, "models", by="sesion") and "tag" in refused(server, org, "models", by="x")
    assert "duration_us" in refused(server, org, "traces", sort="duration")
    assert "neither asc nor desc" in refused(server, org, "traces", order="up")
    assert "no cursor" in refused(server, org, "traces", before="17-abc")
    assert "no parameter" in refused(server, org, "traces/facets", sort="calls")
    assert got(server, org, "traces/facets", fields="nobody")["unknown_fields"][0]["field"] == "nobody"


def test_kinds_are_found_under_every_convention_s_name(server, org):
    send(server, org, [call(5), call(6)])
    for kind in ("LLM", "llm", "GENERATION", "generation", "chat"):
        assert len(got(server, org, "traces", q=f"kind:{kind}")["traces"]) == 2, kind
    assert got(server, org, "traces", q="kind:tool")["traces"] == []
    assert len(got(server, org, "traces", q="status:error OR kind:llm")["traces"]) == 2
    assert got(server, org, "traces", q="status:error kind:tool OR kind:llm")["traces"] == [], "OR binds closer"
    assert "OR stands between two terms" in refused(server, org, "traces", q="kind:llm OR")


def test_sums_say_how_good_they_are(server, org):
    attributes = {"session.id": "one", "tag.tags": ["x", "y"]}
    send(server, org, [call(5, attributes=attributes), call(None, attributes=attributes)])
    (session,) = got(server, org, "sessions")["sessions"]
    assert (session["calls"], session["tokens_input"], session["token_source"]) == (2, 5, "absent")
    assert session["token_sources"] == {"reported": 0, "derived": 1, "estimated": 0, "partial": 0, "absent": 1}
    tags = got(server, org, "models", by="tag")
    assert [(row["value"], row["calls"]) for row in tags["models"]] == [("x", 2), ("y", 2)]
    assert (tags["calls"], tags["calls_without_value"], tags["sums_exceed_total"]) == (2, 0, True)
    assert got(server, org, "models")["sums_exceed_total"] is False


def test_a_list_is_sorted_by_any_of_its_columns_and_paged(server, org):
    send(server, org, [call(number, duration_ns=number * 1_000_000) for number in (3, 1, 2)] + [call(None)])
    (row, *_) = got(server, org, "traces")["traces"]
    for column in row.keys() - {"input_preview", "token_sources"}:
        for order in ("asc", "desc"):
            rows = got(server, org, "traces", sort=column, order=order)["traces"]
            values = [each[column] for each in rows if each[column] is not None]
            assert len(rows) == 4 and values == sorted(values, reverse=order == "desc"), (column, order, values)
            assert [each[column] for each in rows][len(values):] == [None] * (4 - len(values)), "nulls last"
    paged, before = [], {}
    while True:
        page = got(server, org, "traces", sort="tokens_input", order="asc", limit=1, **before)
        paged += [each["tokens_input"] for each in page["traces"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
        send(server, org, [call(0), call(9)])
    assert paged == [1, 2, 3, None]


def test_a_trace_of_20_000_spans_is_a_tree_with_totals(server, org):
    trace, spans = os.urandom(16), []
    root = OneSpan(trace_id=trace, name="root", duration_ns=60_000_000_000, start_ns=time.time_ns() - 120_000_000_000)
    spans.append(root)
    # 1,000 steps of 10 wrappers around a call each, less the root's place.
    for step in range(1_000):
        chain = call(trace_id=trace, parent=root.span_id, name="step", attributes={"openinference.span.kind": "CHAIN"}, ago_s=110)
        spans.append(chain)
        for _ in range(9):
            agent = OneSpan(trace_id=trace, parent=chain.span_id, name="work", start_ns=chain.start_ns + 1_000, duration_ns=500_000)
            spans += [agent, call(2, trace_id=trace, parent=agent.span_id, ago_s=110)]
    spans += [OneSpan(trace_id=trace, parent=root.span_id, name="rest", start_ns=root.start_ns + 1) for _ in range(20_000 - len(spans))]
    assert len(spans) == 20_000
    for at in range(0, len(spans), 500):
        send(server, org, spans[at : at + 500], "large")
    started = time.monotonic()
    whole = got(server, org, f"traces/{trace.hex()}")
    print(f"a trace of 20,000 spans took {time.monotonic() - started:.2f} s")
    assert len(whole["spans"]) == 20_000 and not whole["truncated"]
    totals = whole["totals"]
    assert (totals["spans"], totals["calls"], totals["tokens_input"], totals["tokens_output"]) == (20_000, 9_000, 18_000, 9_000)
    assert sum(span.get("_call", False) for span in whole["spans"]) == 9_000
    path = []
    for span in whole["spans"]:
        del path[span["_depth"] :]
        assert span.get("reference_parent_span_id") == (path[-1] if path else None)
        path.append(span["span_id"])
    started = time.monotonic()
    (row,) = got(server, org, "traces", stream="large")["traces"]
    print(f"its row in a list took {time.monotonic() - started:.2f} s")
    assert (row["spans"], row["calls"], row["tokens_input"]) == (20_000, 9_000, 18_000)


def explained(server: Server, org: str, accept: str = "application/json", **body) -> httpx.Response:
    answer = server.post(f"/scope/v1/orgs/{org}/explain", json=body, headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def test_causes_of_failures_come_before_what_follows_from_them(server, org):
    spans = []
    for number in range(400):
        failed = number % 10 == 0
        region = "far" if failed or number % 40 == 1 else "near"
        asked = json.dumps({"model": "meta-llama/Llama-3.1-8B-Instruct"})
        attributes = {"llm.invocation_parameters": asked, "region": region, "zone": f"{region}-{number // 200}", "build": f"b{number % 7}", "session.id": f"s{number % 3}"}
        error = {"error.type": "RateLimitError", "http.response.status_code": 429} if failed else {}
        spans.append(call(None if failed else 20, attributes={**attributes, **error}, status=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_OK))
    send(server, org, spans)
    said = explained(server, org, q="status:error").json()
    assert (said["selected_calls"], said["other_calls"], said["complete"], said["too_few"]) == (40, 360, True, False)
    columns = [one["column"] for one in said["differences"]]
    assert columns[0] == "region" and "zone" in columns and "build" not in columns, columns
    follows = {one["column"] for one in said["follows_from_selection"]}
    assert {"error_type", "http_response_status_code", "llm_token_count_prompt"} <= follows and not follows & set(columns)
    far = next(value for value in said["differences"][0]["values"] if value["value"] == "far")
    assert (far["selected_calls"], far["other_calls"], far["selected_share"]) == (40, 10, 1.0)
    assert far["lift"] == pytest.approx(36) and said["differences"][0]["p_value"] < 1e-20
    by_region = explained(server, org, q="region:far").json()
    assert "error_type" in [one["column"] for one in by_region["differences"]], "what a region leads to is told"
    nothing = explained(server, org, q="build:b3").json()
    assert nothing["differences"] == [] and nothing["compared_columns"] > 10
    few = explained(server, org, q="duration:>1h").json()
    assert few["too_few"] and few["differences"] == [] and few["selected_calls"] == 0 and few["needed_calls"] == 5


def test_an_explanation_comes_in_steps_until_all_is_read(server, org):
    for part in range(25):
        spans = [call(20, ago_s=3_000 - part * 100, attributes={"region": "far" if number % 5 == 0 else "near"}, duration_ns=9_000_000 if number % 5 == 0 else 1_000_000) for number in range(1_000)]
        send(server, org, spans)
    body = {"q": "duration:>5ms"}
    text = explained(server, org, "text/event-stream", **body).text
    events = [block.split("\n") for block in text.strip().split("\n\n")]
    assert {event for event, _ in events} == {"event: explanation"}
    steps = [json.loads(data.removeprefix("data: ")) for _, data in events]
    looked = [step["looked_at"] for step in steps]
    assert len(steps) > 1 and looked == sorted(looked) and 0 < looked[0] < 25_000
    assert [step["complete"] for step in steps] == [False] * (len(steps) - 1) + [True]
    assert all(step["differences"][0]["column"] == "region" for step in steps if not step["too_few"])
    assert (steps[-1]["looked_at"], steps[-1]["of"], steps[-1]["selected_calls"]) == (25_000, 25_000, 5_000)
    lines = [json.loads(line) for line in explained(server, org, "application/x-ndjson", **body).text.splitlines()]
    assert lines[-1]["differences"] == steps[-1]["differences"] == explained(server, org, **body).json()["differences"]
