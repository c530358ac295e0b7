"""Our own API, which the pages read: endpoints, series, timeline, traces, models."""

import pytest

from conftest import LLAMA, endpoint
from rig.chat import Caller, ask, traceparent
from rig.server import HOUR_US, Server, now_us
from rig.waiting import wait_until

ORG = "/scope/v1/orgs/default"


def span() -> str:
    return f"from_us={now_us() - HOUR_US}&to_us={now_us() + 60_000_000}"


def get(server: Server, path: str) -> dict:
    answer = server.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def busy(serve, simulate) -> Server:
    """A server of its own with 6 answered calls, 2 refused ones, and one to an endpoint that is down."""
    replicas = [simulate(LLAMA), simulate(LLAMA)]
    server = serve(endpoint("llama", LLAMA, [replica.url for replica in replicas]))
    caller = Caller(server)
    wait_until(lambda: get(server, f"{ORG}/endpoints/llama?{span()}")["replicas"]["running"] == 2, "both replicas run")
    for number in range(8):
        caller.post(ask(LLAMA), simulate="tokens=4" + (";status=429" if number >= 6 else ""))
    wait_until(lambda: series(server)["requests"]["totals"] == {"200": 6, "429": 2}, "the calls are in the series")
    return server


def series(server: Server, more: str = "") -> dict:
    return get(server, f"{ORG}/endpoints/llama/series?{span()}&step_s=60{more}")


def test_who_am_i(server):
    said = get(server, "/scope/v1/whoami")
    assert said["subject"] == "root@example.com" and "default" in said["orgs"] and said["version"]
    token = f"Bearer {server.token(scopes=('read',))}"
    assert server.get("/scope/v1/whoami", authorization=token).json()["orgs"] == ["default"]


def test_the_list_of_endpoints_has_a_window_of_numbers(busy):
    (one,) = get(busy, f"{ORG}/endpoints?{span()}")["endpoints"]
    assert (one["namespace"], one["name"], one["model"], one["state"]) == ("default", "llama", LLAMA, "running")
    assert one["url"] == "/endpoints/default/llama"
    assert one["replicas"] == {"running": 2, "min": 2, "max": 4}
    window = one["window"]
    assert (window["requests"], window["failed"]) == (8, 2)
    assert window["error_share"] == pytest.approx(0.25)
    assert window["latency_p95_s"] > 0
    assert len(window["sparkline"]) == 30 and sum(window["sparkline"]) == 8


def test_series_count_each_call_once_and_leave_gaps_for_what_is_not_known(busy):
    said = series(busy)
    buckets = len(said["starts_us"])
    assert buckets > 50 and said["step_s"] == 60
    assert {code: sum(counts) for code, counts in said["requests"]["by_code"].items()} == {"200": 6, "429": 2}
    for name in ("p50", "p90", "p95", "p99"):
        values = said["latency_s"][name]
        assert len(values) == buckets
        assert any(value is not None and value > 0 for value in values)
        assert values[0] is None, "an hour ago nobody called: a gap, not zero"
    window = said["latency_s"]["window"]
    assert window["count"] == 8 and 0 < window["p50"] <= window["p99"]
    assert said["replicas"]["running"][-1] in (2, None) and said["replicas"]["running"][0] is None
    assert said["ttft_s"]["window"]["count"] == 0, "nothing was streamed"


def test_series_of_one_replica_are_a_part_of_all(busy):
    detail = get(busy, f"{ORG}/endpoints/llama?{span()}")
    parts = [series(busy, f"&replica={replica['replica_id']}")["requests"]["totals"] for replica in detail["replica_list"]]
    assert sum(sum(part.values()) for part in parts) == 8


def test_the_timeline_shows_how_each_replica_came_to_run(busy):
    said = get(busy, f"{ORG}/endpoints/llama/timeline?{span()}")
    assert len(said["replicas"]) == 2
    for replica in said["replicas"]:
        statuses = [segment["status"] for segment in replica["segments"]]
        assert statuses[-1] == "running" and len(statuses) > 1, statuses
        ends = [segment["to_us"] for segment in replica["segments"]]
        assert ends[-1] is None
        starts = [segment["from_us"] for segment in replica["segments"]]
        assert starts[1:] == ends[:-1], "no gaps and no overlap"


def test_rollups_survive_kill(busy):
    before = series(busy)["requests"]["totals"]
    busy.kill()
    busy.start()
    wait_until(lambda: series(busy)["requests"]["totals"] == before, "the same counts")
    assert busy.stop() == 0
    busy.start()
    wait_until(lambda: series(busy)["requests"]["totals"] == before, "the same counts after an orderly stop")
    said = series(busy)
    assert said["latency_s"]["window"]["count"] == 8


def test_an_endpoint_that_is_not_there_is_a_404(server):
    for path in ("", f"/series?{span()}&step_s=60", f"/timeline?{span()}"):
        answer = server.get(f"{ORG}/endpoints/nosuch{path}")
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found", path


def traces(server: Server, more: str) -> list[dict]:
    return get(server, f"{ORG}/traces?{span()}&{more}")["traces"]


def test_traces_are_found_by_model_status_text_and_endpoint(busy):
    caller = Caller(busy)
    header, trace, _ = traceparent()
    assert caller.post(ask(LLAMA, "the needle in the haystack"), traceparent=header).status_code == 200
    (found,) = wait_until(lambda: traces(busy, "q=needle"), "the trace is found")
    assert found["trace_id"] == trace
    assert (found["status"], found["model_requested"], found["model_answered"]) == ("OK", LLAMA, "llama3.1-8b")
    assert (found["endpoint"], found["http_status"], found["calls"], found["spans"]) == ("llama", 200, 1, 1)
    assert found["tokens_input"] == 5 and found["tokens_output"] > 0 and found["cost_usd"] is None
    assert "needle" in found["input_preview"]

    assert len(traces(busy, "status=ok")) == 7 and len(traces(busy, "status=error")) == 2
    assert {row["error_class"] for row in traces(busy, "error_class=rate_limit")} == {"rate_limit"}
    assert traces(busy, "model=nobody/serves-this") == []
    assert len(traces(busy, f"model={LLAMA}&endpoint=llama")) == 9
    assert len(traces(busy, f"replica={found['replica_id']}")) >= 1


def test_pages_of_traces_neither_skip_nor_repeat(busy):
    everything = [row["trace_id"] for row in traces(busy, "limit=100")]
    assert len(everything) == 8
    path, paged, before = f"{ORG}/traces?{span()}&limit=3", [], ""
    while True:
        page = get(busy, path + before)
        paged += [row["trace_id"] for row in page["traces"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert paged == everything


def test_one_trace_has_all_its_spans(busy):
    row = traces(busy, "status=ok&limit=1")[0]
    said = get(busy, f"{ORG}/traces/{row['trace_id']}")
    (only,) = said["spans"]
    assert said["truncated"] is False and only["trace_id"] == row["trace_id"]
    assert only["llm_model_name"] == "llama3.1-8b" and "one two three" in only["llm_input"]
    missing = busy.get(f"{ORG}/traces/{'0' * 31}1")
    assert missing.status_code == 404


def test_models_are_compared(busy):
    (model,) = get(busy, f"{ORG}/models?{span()}")["models"]
    assert (model["model_requested"], model["models_answered"]) == (LLAMA, ["llama3.1-8b"])
    assert (model["calls"], model["errors"], model["errors_by_class"]) == (8, 2, {"rate_limit": 2})
    assert model["latency_p50_s"] > 0 and model["cost_usd"] is None
    assert model["tokens_input"] == 18, "6 answered calls of 3 tokens"


def test_hugging_face_s_own_routes_know_the_endpoint(busy):
    one = get(busy, "/v2/endpoint/default/llama")
    assert one["name"] == "llama" and one["status"]["state"] == "running" and one["model"]["repository"] == LLAMA
    assert one["compute"]["scaling"]["maxReplica"] == 4
    assert [item["name"] for item in get(busy, "/v2/endpoint/default")["items"]] == ["llama"]
