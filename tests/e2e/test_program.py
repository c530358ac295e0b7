"""The program of the README, unchanged, and what its calls look like afterwards."""

import json

import pytest

from conftest import LLAMA, MISTRAL
from rig.program import run_program
from rig.server import ROOT_BASIC, Server
from rig.waiting import wait_until

PROMPT = "Explain distributed tracing in one sentence."
PROMPT_TOKENS = 6  # the simulator counts words


@pytest.fixture(params=["gateway", "direct"])
def way(request, server, simulators) -> tuple[str, str, str]:
    """Where the model calls go: name, base URL and key."""
    if request.param == "gateway":
        return "gateway", f"{server.url}/v1", server.token()
    return "direct", f"{simulators[0].url}/v1", "hf_any_key_will_do"


def dotenv(server: Server, org: str, base_url: str, key: str, **more: str) -> dict[str, str]:
    return {
        "OPENOBSERVE_URL": f"{server.url}/",
        "OPENOBSERVE_ORG": org,
        "OPENOBSERVE_AUTH_TOKEN": ROOT_BASIC,
        "HF_TOKEN": key,
        "HF_BASE_URL": base_url,
        **more,
    }


def only_row(server: Server, org: str) -> dict:
    rows = wait_until(lambda: server.search('SELECT * FROM "default"', org).json().get("hits"), "the call is a row")
    assert len(rows) == 1, rows
    return rows[0]


def call(server: Server, org: str, folder, way, manner: str, model: str = LLAMA, prompt: str = PROMPT) -> tuple[dict, dict]:
    """Makes one call and returns what the client saw and the row."""
    _, base_url, key = way
    ran = run_program("calls.py", folder, dotenv(server, org, base_url, key), (manner, model, prompt))
    assert ran.code == 0, ran.err
    return json.loads(ran.out), only_row(server, org)


def subset(row: dict, expected: dict) -> dict:
    """The row's part that is expected; None where the row has no such column."""
    return {name: row.get(name) for name in expected}


SUCCESS = {
    "llm_system": "openai",
    "llm_model_name": "llama3.1-8b",
    "gen_ai_response_model": "llama3.1-8b",
    "llm_request_parameters_model": LLAMA,
    "llm_request_parameters_max_tokens": 100,
    "llm_observation_type": "GENERATION",
    "openinference_span_kind": "LLM",
    "operation_name": "ChatCompletion",
    "input_mime_type": "application/json",
    "output_mime_type": "application/json",
    "span_status": "OK",
}

TOKEN_COLUMNS = (
    "llm_token_count_prompt",
    "llm_token_count_completion",
    "llm_token_count_total",
    "llm_token_count_prompt_details_cache_read",
    "llm_token_count_completion_details_reasoning",
    "llm_usage_tokens_input",
    "llm_usage_tokens_output",
    "llm_usage_tokens_total",
)


def tokens(completion: int, prompt: int = PROMPT_TOKENS, cached: int = 0, reasoning: int = 0) -> dict:
    numbers = (prompt, completion, prompt + completion, cached, reasoning, prompt, completion, prompt + completion)
    return dict(zip(TOKEN_COLUMNS, numbers))


NO_TOKENS = dict.fromkeys(TOKEN_COLUMNS)


def test_the_program_of_the_readme_fills_every_promised_column(server, org, way, tmp_path):
    _, base_url, key = way
    ran = run_program("huggingface.py", tmp_path, dotenv(server, org, base_url, key))
    assert ran.code == 0, ran.err
    content = ran.out.strip()
    assert content.startswith("[simulator]")

    row = only_row(server, org)
    expected = SUCCESS | tokens(completion=len(content.split()))
    assert subset(row, expected) == expected
    assert isinstance(row["duration"], int) and 0 < row["duration"] < 60_000_000, "microseconds"
    assert row["end_time"] - row["start_time"] == pytest.approx(row["duration"] * 1000, abs=1000)
    assert row["_timestamp"] == row["start_time"] // 1000
    assert PROMPT in row["llm_input"] and content in json.dumps(row["llm_output"], ensure_ascii=False).replace("\\", "")
    assert row["service_name"] == "unknown_service:python"


def test_an_async_call_gives_the_same_row(server, org, way, tmp_path):
    seen, row = call(server, org, tmp_path, way, "async")
    expected = SUCCESS | tokens(completion=len(seen["content"].split()))
    assert subset(row, expected) == expected


@pytest.mark.parametrize("manner", ["stream-usage", "async-stream"])
def test_a_stream_with_usage_gives_tokens_and_the_time_to_the_first(server, org, way, tmp_path, manner):
    seen, row = call(server, org, tmp_path, way, manner)
    assert seen["usage_chunks"] == 1
    expected = SUCCESS | tokens(completion=len(seen["content"].split()))
    assert subset(row, expected) == expected
    assert 0 < row["gen_ai_response_time_to_first_chunk"] <= row["duration"] / 1e6


def test_a_stream_without_usage_has_no_tokens_rather_than_zero(server, org, way, tmp_path):
    seen, row = call(server, org, tmp_path, way, "stream")
    assert seen["usage_chunks"] == 0, "a chunk that the client did not ask for"
    assert subset(row, SUCCESS) == SUCCESS
    assert subset(row, NO_TOKENS) == NO_TOKENS
    assert row["gen_ai_response_time_to_first_chunk"] > 0


def test_cached_tokens_are_counted(server, org, way, tmp_path):
    seen, row = call(server, org, tmp_path, way, "plain", prompt="CACHED one two three")
    expected = tokens(completion=len(seen["content"].split()), prompt=4, cached=4)
    assert subset(row, expected) == expected


FAILURES = {
    # name: model, the client's error, its status, error_class
    # The client keeps no word of an error that is a plain string: its span says 403 and no more. The gateway's
    # span, which has the body, says "gated".
    "gated model": ("gated/llama", "PermissionDeniedError", 403, "permission"),
    "unknown model": ("nobody/serves-this", "BadRequestError", 400, "model_not_supported"),
    "rate limit": ("ratelimited/llama", "RateLimitError", 429, "rate_limit"),
    "server error": ("boom/llama", "InternalServerError", 500, "server_error"),
}


def failed(model: str, error_class: str) -> dict:
    """What the row of a failed call says, and what it leaves null."""
    return NO_TOKENS | {
        "llm_system": "openai",
        "llm_model_name": None,
        "gen_ai_response_model": None,
        "llm_request_parameters_model": model,
        "llm_request_parameters_max_tokens": 100,
        "llm_observation_type": "GENERATION",
        "openinference_span_kind": "LLM",
        "operation_name": "ChatCompletion",
        "input_mime_type": "application/json",
        "output_mime_type": None,
        "span_status": "ERROR",
        "error_class": error_class,
    }


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_call_says_why_and_guesses_nothing(server, org, way, tmp_path, failure):
    model, error, status, error_class = FAILURES[failure]
    seen, row = call(server, org, tmp_path, way, "plain", model)
    assert (seen["error"], seen["status"]) == (error, status)
    if status == 429:
        assert seen["retry_after"] == "1"
    if status == 400:
        assert seen["body"]["code"] == "model_not_supported"
    expected = failed(model, error_class)
    assert subset(row, expected) == expected
    assert str(status) in row["status_message"]


def test_a_wrong_key_is_an_auth_error(server, org, way, tmp_path):
    name, base_url, _ = way
    seen, row = call(server, org, tmp_path, (name, base_url, "hf_bad_key"), "plain")
    assert (seen["error"], seen["status"]) == ("AuthenticationError", 401)
    expected = failed(LLAMA, "auth")
    assert subset(row, expected) == expected


def test_a_refused_connection_is_a_connection_error(server, org, tmp_path, closed_port):
    seen, row = call(server, org, tmp_path, ("refused", f"{closed_port}/v1", "hf_x"), "plain")
    assert seen["error"] == "APIConnectionError"
    expected = failed(LLAMA, "connection")
    assert subset(row, expected) == expected


def test_spans_come_over_grpc_too(server, org, tmp_path):
    key = server.token()
    settings = dotenv(server, org, f"{server.url}/v1", key, OPENOBSERVE_PROTOCOL="grpc")
    ran = run_program("huggingface.py", tmp_path, settings)
    assert ran.code == 0, ran.err
    row = only_row(server, org)
    expected = SUCCESS | tokens(completion=len(ran.out.split()))
    assert subset(row, expected) == expected


def test_models_are_compared_and_errors_told_apart_by_sql(server, org, tmp_path):
    """Latency by requested model; rate limits and missing access counted apart."""
    gateway = ("gateway", f"{server.url}/v1", server.token())
    calls = [LLAMA, MISTRAL, MISTRAL, "ratelimited/llama", "gated/llama", "gated/llama"]
    for number, model in enumerate(calls):
        ran = run_program("calls.py", tmp_path / str(number), dotenv(server, org, *gateway[1:]), ("plain", model))
        assert ran.code == 0, ran.err
    wait_until(lambda: server.value('SELECT count(*) AS n FROM "default"', org) == len(calls), "all calls are rows")

    by_model = server.rows(
        "SELECT llm_request_parameters_model AS model, count(*) AS n, approx_percentile_cont(duration, 0.95) AS p95"
        ' FROM "default" WHERE span_status = \'OK\' GROUP BY llm_request_parameters_model ORDER BY n',
        org,
    )
    assert [(row["model"], row["n"]) for row in by_model] == [(LLAMA, 1), (MISTRAL, 2)]
    assert all(row["p95"] > 0 for row in by_model)

    by_class = server.rows(
        'SELECT error_class, count(*) AS n FROM "default" WHERE error_class IS NOT NULL GROUP BY error_class ORDER BY n', org
    )
    assert by_class == [{"error_class": "rate_limit", "n": 1}, {"error_class": "permission", "n": 2}]
    of_gateway = server.rows('SELECT error_class FROM "default" WHERE inferscope_vantage_point = \'gateway\'', "default")
    assert {"error_class": "gated"} in [{"error_class": row["error_class"]} for row in of_gateway if "error_class" in row]
