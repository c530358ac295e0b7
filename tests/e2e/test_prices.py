"""What calls cost: the shipped book, own prices by file and API, the box that explains, and what has no price."""

import pytest

from conftest import LLAMA, endpoint
from rig.chat import Caller, ask, traceparent
from rig.server import HOUR_US, Server, now_us
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

# The README's program against Hugging Face's router, which passed the call to Cerebras.
SEED = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.model_name": "llama3.1-8b",
    "llm.invocation_parameters": f'{{"model": "{LLAMA}", "max_tokens": 100}}',
    "llm.token_count.prompt": 42,
    "llm.token_count.completion": 31,
    "llm.token_count.total": 73,
}
COST = "llm_usage_cost_input, llm_usage_cost_output, llm_usage_cost_total, llm_cost_source, llm_price_row"


def send(server: Server, org: str, attributes: dict, name: str = "call") -> None:
    body = export([OneSpan(name=name, attributes=attributes)]).SerializeToString()
    answer = server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200, answer.text


def stored(server: Server, org: str, name: str = "call") -> dict:
    (row,) = server.rows(f"SELECT * FROM \"default\" WHERE operation_name = '{name}'", org)
    return row


def prices(org: str, more: str = "") -> str:
    return f"/scope/v1/orgs/{org}/prices{more}"


def put(server: Server, org: str, key: str, row: dict, **rest):
    return server.request("PUT", prices(org, f"/overrides/{key}"), json=row, **rest)


def test_a_call_costs_what_its_provider_asks(server, org):
    send(server, org, SEED)
    row = stored(server, org)
    assert row["llm_usage_cost_total"] == row["llm_cost_total"] == row["gen_ai_usage_cost"] == 0.0000073
    assert (row["llm_usage_cost_input"], row["llm_usage_cost_output"]) == (0.0000042, 0.0000031)
    assert (row["llm_cost_source"], row["llm_price_row"]) == ("table:exact_hub", "shipped:cerebras/llama-3.1-8b")
    assert row["hf_inference_provider"] == "cerebras"
    assert "llm_cost_unpriced_reason" not in row
    assert server.value('SELECT sum(llm_usage_cost_total) AS usd FROM "default"', org) == 0.0000073


def test_an_estimate_is_no_cost_and_an_unknown_model_is_null(server, org):
    unknown = {**SEED, "llm.model_name": LLAMA}
    send(server, org, unknown, "estimated")
    send(server, org, {**SEED, "llm.model_name": "my-own", "llm.invocation_parameters": '{"model": "my-own"}'}, "unknown")
    send(server, org, {**SEED, "llm.cost.total": 0.25}, "reported")
    row = stored(server, org, "estimated")
    assert (row["llm_cost_source"], row["llm_cost_unpriced_reason"]) == ("table:median", "provider_unknown")
    estimate = [row[f"llm_cost_estimate_{each}"] for each in ("low", "median", "high")]
    assert estimate == pytest.approx([0.00000219, 0.0000073, 0.00001606])
    assert "llm_usage_cost_total" not in row and "hf_inference_provider" not in row
    row = stored(server, org, "unknown")
    assert row["llm_cost_unpriced_reason"] == "not_in_book" and "llm_usage_cost_total" not in row
    row = stored(server, org, "reported")
    assert (row["llm_usage_cost_total"], row["llm_cost_source"], row["llm_cost_computed"]) == (0.25, "reported", 0.0000073)
    assert server.value('SELECT sum(llm_usage_cost_total) AS usd FROM "default"', org) == 0.25

    span = f"?from_us={now_us() - HOUR_US}&to_us={now_us() + HOUR_US}"
    models = server.get(prices(org, f"/unpriced{span}")).json()["models"]
    found = {model["model_requested"]: model for model in models}
    assert set(found) == {LLAMA, "my-own"}
    assert (found["my-own"]["reason"], found["my-own"]["calls"]) == ("not_in_book", 1)
    assert (found["my-own"]["tokens_input"], found["my-own"]["tokens_output"]) == (42, 31)
    assert found[LLAMA]["estimate_usd"]["median"] == pytest.approx(0.0000073)
    by_model = {model["model_requested"]: model for model in server.get(f"/scope/v1/orgs/{org}/models{span}").json()["models"]}
    assert (by_model[LLAMA]["cost_usd"], by_model[LLAMA]["unpriced_calls"]) == (0.25, 1)
    assert (by_model["my-own"]["cost_usd"], by_model["my-own"]["unpriced_calls"]) == (None, 1)


def test_an_own_price_counts_from_the_next_call_on(server, org):
    send(server, org, SEED, "before")
    answer = put(server, org, "mine", {"id": "llama3.1-8b", "provider": "cerebras", "input": 1, "output": 2})
    assert answer.status_code == 201, answer.text
    assert answer.json()["row"] == {"key": "mine", "id": "llama3.1-8b", "provider": "cerebras", "input": 1.0, "output": 2.0}
    assert answer.json()["changed_by"] == "root@example.com"
    send(server, org, SEED, "dearer")
    assert put(server, org, "mine", {"pattern": "llama*", "input": 0, "output": 0}).status_code == 200
    send(server, org, SEED, "free")
    assert server.request("DELETE", prices(org, "/overrides/mine")).status_code == 204
    send(server, org, SEED, "after")
    costs = {row["operation_name"]: row for row in server.rows(f'SELECT operation_name, {COST} FROM "default"', org)}
    assert costs["before"]["llm_usage_cost_total"] == costs["after"]["llm_usage_cost_total"] == 0.0000073
    assert costs["dearer"]["llm_usage_cost_total"] == pytest.approx((42 + 62) / 1e6)
    assert costs["dearer"]["llm_price_row"] == "org:mine"
    assert costs["free"]["llm_usage_cost_total"] == 0, "free is 0, and not null"
    assert costs["free"]["llm_cost_source"] == "table:pattern"


def test_own_prices_are_listed_kept_and_guarded(serve, org):
    server = serve()
    send(server, org, SEED, "makes the organisation")
    assert put(server, org, "a", {"id": "house-model", "input": 1, "output": 1, "valid_from": "2026-01-01"}).status_code == 201
    reader = f"Bearer {server.token(org, ('read',))}"
    assert put(server, org, "b", {"id": "x", "input": 1}, authorization=reader).status_code == 403
    assert server.request("DELETE", prices(org, "/overrides/a"), authorization=reader).status_code == 403
    for row, why in [({"id": "x"}, "needs a price"), ({"id": "x", "input": -1}, "-1 is no price"), ({"id": "x", "inptu": 1}, "inptu")]:
        answer = put(server, org, "b", row)
        assert answer.status_code == 400 and why in answer.json()["error"]["message"], answer.text
    assert put(server, org, "a%20b", {"id": "x", "input": 1}).status_code == 400
    assert server.request("DELETE", prices(org, "/overrides/nosuch")).status_code == 404
    server.kill()
    server.start()
    (own,) = server.get(prices(org, "/overrides"), authorization=reader).json()["overrides"]
    assert (own["key"], own["row"]["id"], own["row"]["valid_from"]) == ("a", "house-model", "2026-01-01")
    assert server.get(prices(org, "/overrides/a")).json() == own
    found = server.get(prices(org, "?q=HOUSE")).json()
    assert found["total"] == 1 and found["rows"][0]["price_row"] == "org:a"
    assert server.get(prices("default", "?q=house")).json()["total"] == 0, "nobody else's"
    shipped = server.get(prices(org, "?q=llama-3.1-8b&layer=shipped&limit=2")).json()
    assert shipped["total"] > 5 and len(shipped["rows"]) == 2 and shipped["shipped"]["as_of"] == "2026-11-23"
    assert server.get(prices(org, "?layer=nosuch")).status_code == 400


def try_out(server: Server, org: str, **call) -> dict:
    answer = server.post(prices(org, "/test"), json=call)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_test_box_explains(server, org):
    send(server, org, SEED)
    tokens = {"tokens_input": 42, "tokens_output": 31}
    said = try_out(server, org, request_model=LLAMA, response_model="llama3.1-8b", provider="openai", **tokens)
    assert (said["state"], said["source"], said["cost_usd"]["total"]) == ("priced", "table:exact_hub", 0.0000073)
    assert said["provider"]["name"] == "cerebras" and said["row"]["price_row"] == "shipped:cerebras/llama-3.1-8b"
    assert [line["text"] for line in said["lines"]] == [
        "42 tokens of input × 0.1 USD / 1,000,000 = 0.0000042 USD",
        "31 tokens of output × 0.1 USD / 1,000,000 = 0.0000031 USD",
    ]
    assert any("only cerebras answers" in step for step in said["steps"])

    said = try_out(server, org, request_model=LLAMA, **tokens)
    assert said["state"] == "estimated" and said["cost_usd"] is None and len(said["candidates"]) == 9
    assert said["estimate_usd"]["median"] == 0.0000073 and said["unpriced"]["reason"] == "provider_unknown"

    said = try_out(server, org, request_model="my-own", **tokens)
    assert said["state"] == "unpriced" and said["unpriced"]["reason"] == "not_in_book" and said["steps"]
    assert said["cost_usd"] is None and said["lines"] == []

    put(server, org, "free", {"id": "my-own", "input": 0, "output": 0})
    assert try_out(server, org, request_model="my-own", **tokens)["state"] == "free"
    said = try_out(server, org, request_model="my-own", reported_usd=0.5, **tokens)
    assert (said["state"], said["reported_usd"], said["cost_usd"]["total"]) == ("reported", 0.5, 0)
    assert server.post(prices(org, "/test"), json={"modle": "x"}).status_code == 400


def test_a_call_through_the_gateway_is_priced_by_the_same_book(serve, simulate):
    book = '[[prices.row]]\nendpoint = "llama"\ninput = 1\noutput = 2\nper_hour = 2.5\n'
    server = serve(endpoint("llama", LLAMA, [simulate(LLAMA).url]) + endpoint("other", "other/model", [simulate("other/model").url]) + book)
    caller = Caller(server)
    wait_until(lambda: caller.post(ask(LLAMA), simulate="tokens=4").status_code == 200, "the replica answers")
    assert caller.post(ask("other/model"), simulate="tokens=4").status_code == 200
    sql = 'SELECT * FROM "default" WHERE span_status = \'OK\''
    rows = wait_until(lambda: (found := server.rows(sql)) if len(server.rows(sql)) >= 2 else None, "both calls are stored")
    by_endpoint = {row["inferscope_endpoint"]: row for row in rows}
    llama, other = by_endpoint["llama"], by_endpoint["other"]
    expected = (llama["llm_token_count_prompt"] + 2 * llama["llm_token_count_completion"]) / 1e6
    assert llama["llm_usage_cost_total"] == pytest.approx(expected)
    assert (llama["llm_cost_source"], llama["llm_price_row"]) == ("table:pattern", "file:llama")
    assert other["llm_cost_unpriced_reason"] == "own_endpoint" and "llm_usage_cost_total" not in other


def test_a_trace_costs_what_the_gateway_says_that_served_it(serve, simulate):
    """A program's span looks like a call that Cerebras served; the gateway knows that an own replica did."""
    server = serve(endpoint("llama", LLAMA, [simulate(LLAMA).url]) + '[[prices.row]]\nendpoint = "llama"\ninput = 5\noutput = 5\n')
    caller = Caller(server)
    wait_until(lambda: caller.post(ask(LLAMA), simulate="tokens=4").status_code == 200, "the replica answers")
    header, trace, parent = traceparent()
    assert caller.post(ask(LLAMA), simulate="tokens=4", traceparent=header).status_code == 200
    ids = {"trace_id": bytes.fromhex(trace), "span_id": bytes.fromhex(parent)}
    body = export([OneSpan(attributes=SEED, **ids)]).SerializeToString()
    assert server.post("/api/default/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    rows = wait_until(lambda: both(server, trace), "both spans are stored")
    costs = {row["inferscope_vantage_point"]: row["llm_usage_cost_total"] for row in rows}
    assert costs["app"] == 0.0000073 and costs["gateway"] > 0.0000073
    listed = server.get(f"/scope/v1/orgs/default/traces?from_us={now_us() - HOUR_US}&to_us={now_us() + HOUR_US}").json()["traces"]
    (found,) = [row for row in listed if row["trace_id"] == trace]
    assert (found["calls"], found["cost_usd"]) == (1, costs["gateway"])


def both(server: Server, trace: str) -> list[dict] | None:
    rows = server.rows(f"SELECT * FROM \"default\" WHERE trace_id = '{trace}'")
    return rows if len(rows) == 2 else None


def test_a_bad_price_in_the_configuration_is_refused_with_its_line(serve, tmp_path):
    book = tmp_path / "book.json"
    book.write_text('{"format": "prices/1", "rows": [\n{"id": "a", "input": 1},\n{"id": "b", "input": -1}]}')
    server = Server(tmp_path / "bad", f'[prices]\nfile = "{book}"\n')
    with pytest.raises(RuntimeError, match="ended with 64"):
        server.start()
    assert "book.json" in server.text() and "line 3" in server.text() and "-1 is no price" in server.text()
