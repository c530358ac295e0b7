"""Calls through the gateway: passed on as they are, told apart by replica, and recorded."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from conftest import LLAMA, MISTRAL, endpoint
from rig.chat import Caller, ask, events, traceparent
from rig.server import Server
from rig.waiting import wait_until


@pytest.fixture
def caller(server) -> Caller:
    return Caller(server)


def recorded(server: Server, trace_id: str) -> dict:
    """The gateway's own row of a call."""
    sql = f"SELECT * FROM \"default\" WHERE trace_id = '{trace_id}' AND inferscope_vantage_point = 'gateway'"
    rows = wait_until(lambda: server.rows(sql), "the call is recorded")
    assert len(rows) == 1, rows
    return rows[0]


def subset(row: dict, expected: dict) -> dict:
    return {name: row.get(name) for name in expected}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/endpoints/default/llama/v1/chat/completions"])
def test_a_call_is_passed_on_and_recorded(server, caller, path):
    header, trace, parent = traceparent()
    answer = caller.post(ask(LLAMA), path, traceparent=header)
    assert answer.status_code == 200 and answer.headers["x-inferscope-simulator"] == "1"
    said = answer.json()
    row = recorded(server, trace)
    completion = len(said["choices"][0]["message"]["content"].split())
    expected = {
        "reference_parent_span_id": parent,
        "llm_request_parameters_model": LLAMA,
        "llm_model_name": "llama3.1-8b",
        "gen_ai_response_model": "llama3.1-8b",
        "gen_ai_response_id": said["id"],
        "llm_token_count_prompt": 3,
        "llm_token_count_completion": completion,
        "llm_usage_tokens_total": 3 + completion,
        "llm_request_parameters_max_tokens": 100,
        "http_response_status_code": 200,
        "span_status": "OK",
        "span_kind": "3",
        "inferscope_namespace": "default",
        "inferscope_endpoint": "llama",
        "inferscope_end": "complete",
        "inferscope_attempts": 1,
        "service_name": "inferscope-gateway",
    }
    assert subset(row, expected) == expected
    assert row["inferscope_replica_id"] in replica_ids(server, "llama")
    assert row["duration"] > 0 and "one two three" in row["llm_input"]


def replica_ids(server: Server, name: str) -> list[str]:
    answer = server.get(f"/scope/v1/orgs/default/endpoints/{name}")
    assert answer.status_code == 200, answer.text
    return [replica["replica_id"] for replica in answer.json()["replica_list"]]


def test_inside_an_endpoint_any_model_name_goes(caller):
    answer = caller.post(ask("dummy"), "/endpoints/default/mistral/v1/chat/completions")
    assert answer.status_code == 200
    assert answer.json()["model"] == "llama3.1-8b", "the replica's first model: the name is passed on"


@pytest.mark.parametrize("asked", ["with usage", "without usage"])
def test_a_stream_reaches_the_caller_as_the_replica_sent_it(server, caller, asked):
    header, trace, _ = traceparent()
    body = ask(LLAMA)
    if asked == "with usage":
        body["stream_options"] = {"include_usage": True}
    with caller.stream(body, traceparent=header) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        chunks = list(events(answer.iter_lines()))
    usage = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert len(usage) == (1 if asked == "with usage" else 0)
    assert all(chunk["choices"] for chunk in chunks if not chunk.get("usage"))
    words = len("".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]).split())
    row = recorded(server, trace)
    # The gateway knows the tokens also of a stream whose caller did not ask for them.
    expected = {"llm_token_count_prompt": 3, "llm_token_count_completion": words, "inferscope_end": "complete"}
    assert subset(row, expected) == expected
    assert 0 < row["gen_ai_response_time_to_first_chunk"] <= row["duration"] / 1e6


def test_streamed_tokens_are_not_held_back(caller):
    """The first token is there long before the last one is made."""
    started = time.monotonic()
    with caller.stream(ask(LLAMA), simulate="tokens=4;first-token-ms=1;token-ms=2000") as answer:
        chunks = events(answer.iter_lines())
        assert any(chunk["choices"][0]["delta"].get("content") for chunk in chunks)
        assert time.monotonic() - started < 4, "six seconds are the whole answer"


def test_a_caller_who_leaves_ends_the_work_of_the_replica(server, caller, simulators):
    header, trace, _ = traceparent()
    with caller.stream(ask(LLAMA), simulate="tokens=60;token-ms=500", traceparent=header) as answer:
        chunks = events(answer.iter_lines())
        for _ in range(2):
            next(chunks)
    row = recorded(server, trace)
    assert row["inferscope_end"] == "client_left"
    assert row["http_response_status_code"] == 200


FAILURES = [
    # model, status, error_class
    ("gated/llama", 403, "gated"),
    ("ratelimited/llama", 429, "rate_limit"),
    ("boom/llama", 500, "server_error"),
    ("down/llama", 503, "overloaded"),
    ("nobody/serves-this", 400, "model_not_supported"),
]


@pytest.mark.parametrize(("model", "status", "error_class"), FAILURES, ids=[case[0] for case in FAILURES])
def test_a_failed_call_is_recorded_as_one(server, caller, model, status, error_class):
    header, trace, _ = traceparent()
    answer = caller.post(ask(model), traceparent=header)
    assert answer.status_code == status, answer.text
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    row = recorded(server, trace)
    expected = {
        "http_response_status_code": status,
        "span_status": "ERROR",
        "error_class": error_class,
        "llm_model_name": None,
        "llm_usage_tokens_total": None,
        "llm_request_parameters_model": model,
    }
    assert subset(row, expected) == expected


def test_an_unknown_model_is_answered_as_the_router_does(caller):
    answer = caller.post(ask("nobody/serves-this"))
    assert answer.json() == {
        "error": {
            "message": "The requested model 'nobody/serves-this' is not supported by any provider you have enabled.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_supported",
        }
    }


def test_an_error_inside_a_stream_is_a_failed_call_under_http_200(server, caller):
    header, trace, _ = traceparent()
    with caller.stream(ask("inband/llama"), traceparent=header) as answer:
        text = answer.read().decode()
    assert answer.status_code == 200 and "Simulated server error in mid-stream" in text
    row = recorded(server, trace)
    assert (row["http_response_status_code"], row["span_status"]) == (200, "ERROR")


def test_a_stream_that_breaks_off_is_recorded_with_what_came(server, caller):
    header, trace, _ = traceparent()
    with pytest.raises(httpx.TransportError), caller.stream(ask("cut/llama"), traceparent=header) as answer:
        answer.read()
    row = recorded(server, trace)
    expected = {"inferscope_end": "upstream_failed", "span_status": "ERROR", "http_response_status_code": 200}
    assert subset(row, expected) == expected
    assert "[simulator]" in row["llm_output"]


def test_the_models_are_listed(caller):
    ids = {model["id"] for model in caller.get("/v1/models").json()["data"]}
    assert {LLAMA, MISTRAL} <= ids


def test_the_caller_s_token_does_not_reach_the_replica(server, caller):
    """The simulator answers 401 to this key: it never sees it."""
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=ask(LLAMA), headers={"authorization": "Bearer hf_bad_key"})
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid credentials in Authorization header"})
    assert caller.post(ask(LLAMA)).status_code == 200


def test_a_call_in_progress_is_pending_until_its_status_is_known(serve, simulate):
    simulator = simulate(LLAMA, extra=["--max-concurrency", "1"])
    server = serve(endpoint("llama", LLAMA, [simulator.url]))
    caller = Caller(server)

    def pending() -> int:
        return server.get("/scope/v1/orgs/default/endpoints/llama").json()["pending"]

    with ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(caller.post, ask(LLAMA), simulate="tokens=5;token-ms=300") for _ in range(3)]
        # One is worked on and has its status; the others wait in the replica's line.
        wait_until(lambda: pending() >= 1, "calls are pending")
        assert all(call.result().status_code == 200 for call in calls)
    wait_until(lambda: pending() == 0, "nothing is pending")


def test_a_call_that_a_stop_cuts_off_is_recorded(serve, simulate):
    """Its client is not heard any more when the grace is over; its record still is."""
    server = serve("[server]\ngrace_s = 0.3\n" + endpoint("llama", LLAMA, [simulate(LLAMA).url]))
    header, trace, _ = traceparent()
    with Caller(server).stream(ask(LLAMA), simulate="tokens=600;token-ms=100", traceparent=header) as answer:
        next(events(answer.iter_lines()))
        assert server.stop() == 0
    server.start()
    row = recorded(server, trace)
    assert row["inferscope_end"] == "client_left" and row["error_class"] == "cancelled"


def test_a_call_without_a_login_is_counted_and_not_recorded(serve):
    server = serve(endpoint("llama", LLAMA, ["http://127.0.0.1:9"]))
    for path in ["/v1/chat/completions", "/endpoints/default/llama/v1/chat/completions"]:
        answer = httpx.post(server.url + path, json=ask(LLAMA), headers={"authorization": "Bearer isk_wrong"})
        assert answer.status_code == 401
    assert "inferscope_gateway_calls_turned_away 2\n" in server.get("/metrics").text
    assert server.value('SELECT count(*) AS n FROM "default"') == 0


def test_calls_go_to_another_replica_when_one_dies(serve, simulate):
    """Killed in mid-traffic: whoever calls after that is served, and the record says by whom."""
    doomed, healthy = simulate(LLAMA), simulate(LLAMA)
    server = serve(endpoint("llama", LLAMA, [doomed.url, healthy.url]))
    caller = Caller(server)
    wait_until(lambda: running(server) == 2, "both replicas run")
    dead = threading.Event()
    broken_before, statuses_after = [], []

    def traffic(_: int) -> None:
        for _ in range(25):
            after = dead.is_set()
            try:
                status = caller.post(ask(LLAMA), simulate="tokens=3;first-token-ms=5;token-ms=5").status_code
            except httpx.TransportError as error:
                # Its head was there when the replica died: nothing can be tried again.
                assert not after, error
                broken_before.append(error)
                continue
            if after:
                statuses_after.append(status)

    with ThreadPoolExecutor(4) as callers:
        work = [callers.submit(traffic, number) for number in range(4)]
        wait_until(lambda: served(server, 20), "traffic flows")
        doomed.kill()
        dead.set()
        for each in work:
            each.result()
    assert statuses_after and set(statuses_after) == {200}
    assert len(broken_before) <= 4, "at most one call of each caller was in progress"
    wait_until(lambda: running(server) == 1, "the dead replica is taken out")
    answer = caller.post(ask(LLAMA))
    assert answer.status_code == 200


def running(server: Server) -> int:
    return server.get("/scope/v1/orgs/default/endpoints/llama").json()["replicas"]["running"]


def served(server: Server, least: int) -> bool:
    answer = server.search("SELECT count(*) AS n FROM \"default\" WHERE inferscope_endpoint = 'llama'")
    return answer.status_code == 200 and answer.json()["hits"][0]["n"] >= least


def test_a_replica_that_comes_back_is_used_again(serve, simulate, tmp_path):
    first = simulate(LLAMA)
    server = serve(endpoint("llama", LLAMA, [first.url]))
    caller = Caller(server)
    assert wait_until(lambda: caller.post(ask(LLAMA)).status_code == 200, "it serves")
    first.kill()
    refused = wait_until(lambda: (answer := caller.post(ask(LLAMA))).status_code == 503 and answer, "no replica is left")
    assert int(refused.headers["retry-after"]) >= 1
    first.arguments[first.arguments.index("--listen") + 1] = first.address
    first.start()
    wait_until(lambda: caller.post(ask(LLAMA)).status_code == 200, "it serves again", 60)


def test_least_pending_spreads_the_calls(serve, simulate):
    replicas = [simulate(LLAMA), simulate(LLAMA)]
    server = serve(endpoint("llama", LLAMA, [replica.url for replica in replicas]))
    caller = Caller(server)
    wait_until(lambda: running(server) == 2, "both replicas run")
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: caller.post(ask(LLAMA), simulate="tokens=3"), range(60)))
    assert {answer.status_code for answer in answers} == {200}
    wait_until(lambda: served(server, 60), "all calls are rows")
    rows = server.rows('SELECT inferscope_replica_id AS id, count(*) AS n FROM "default" GROUP BY inferscope_replica_id')
    assert len(rows) == 2 and min(row["n"] for row in rows) >= 10, rows


def test_a_process_replica_is_started_watched_and_ended(serve):
    config = f'[[endpoint]]\nname = "own"\nmodel = "{LLAMA}"\nmin_replicas = 2\nmax_replicas = 3\nprocess = {{ engine = "simulator" }}\n'
    server = serve(config)
    caller = Caller(server)

    def replicas() -> list[dict]:
        return server.get("/scope/v1/orgs/default/endpoints/own").json()["replica_list"]

    def all_run() -> bool:
        listed = replicas()
        return sum(replica["status"] == "running" for replica in listed) == 2

    wait_until(all_run, "both processes run", 60)
    pids = [replica["pid"] for replica in replicas() if replica["status"] == "running"]
    assert len(set(pids)) == 2 and all(alive(pid) for pid in pids)
    assert caller.post(ask(LLAMA), "/endpoints/default/own/v1/chat/completions").status_code == 200

    kill(pids[0])
    wait_until(lambda: all_run() and pids[0] not in {replica["pid"] for replica in replicas()}, "it is started again", 60)
    pids = [replica["pid"] for replica in replicas() if replica["status"] == "running"]
    assert server.stop() == 0
    wait_until(lambda: not any(alive(pid) for pid in pids), "no process outlives the server")


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
