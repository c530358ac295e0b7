"""Logs and metrics beside traces: over every door, from real clients, and GenAI events on the span that they belong to."""

import json
import time

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.common.v1.common_pb2 import KeyValueList

from rig.program import run_program
from rig.server import ROOT_BASIC, Server, basic
from rig.spans import ENCODERS, JSON, PROTOBUF, OneSpan, any_value, encoded, export
from rig.waiting import wait_until

DAY_NS = 86_400 * 10**9
LOG_PATHS = ["/api/{org}/v1/logs", "/v1/logs"]
METRIC_PATHS = ["/api/{org}/v1/metrics", "/v1/metrics"]


def logs(*records: dict) -> ExportLogsServiceRequest:
    """A log export: each record is the fields of a LogRecord, `body` a plain value or a map."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    scope.scope.name = "tests"
    for fields in records:
        record = scope.log_records.add(**{name: value for name, value in fields.items() if name != "body"})
        match fields.get("body"):
            case dict() as body:
                record.body.kvlist_value.CopyFrom(KeyValueList())
                for key, value in body.items():
                    record.body.kvlist_value.values.add(key=key).value.CopyFrom(any_value(value))
            case None:
                pass
            case body:
                record.body.CopyFrom(any_value(body))
        if not (record.time_unix_nano or record.observed_time_unix_nano):
            record.time_unix_nano = time.time_ns()
    return request


def gauges(names: list[str], at_ns: int | None = None) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for name in names:
        point = scope.metrics.add(name=name, unit="1").gauge.data_points.add(as_double=0.5)
        point.time_unix_nano = time.time_ns() if at_ns is None else at_ns
    return request


def as_json(message) -> dict:
    """OTLP/JSON writes ids as hex."""
    body = MessageToDict(message, use_integers_for_enums=True)
    for sent, group in zip(getattr(message, "resource_logs", []), body.get("resourceLogs", [])):
        for record, out in zip(sent.scope_logs[0].log_records, group["scopeLogs"][0]["logRecords"]):
            out.pop("traceId", None), out.pop("spanId", None)
            out |= {"traceId": record.trace_id.hex(), "spanId": record.span_id.hex()}
    return body


def post(server: Server, path: str, message, content: str = "protobuf", encoding: str = "identity", **rest):
    protobuf = content == "protobuf"
    body = message.SerializeToString() if protobuf else json.dumps(as_json(message)).encode()
    body, encoding_header = encoded(body, encoding)
    headers = (PROTOBUF if protobuf else JSON) | encoding_header | rest.pop("headers", {})
    return server.post(path, content=body, headers=headers, **rest)


def search(server: Server, org: str, kind: str, sql: str) -> list[dict]:
    now = time.time_ns() // 1000
    query = {"sql": sql, "start_time": now - 3_600_000_000, "end_time": now + 3_600_000_000, "from": 0, "size": 1000}
    answer = server.post(f"/api/{org}/_search?type={kind}", json={"query": query})
    assert answer.status_code == 200, f"{answer.text}\n{sql}"
    return answer.json()["hits"]


def trace(server: Server, org: str, trace_id: str) -> list[dict]:
    answer = server.get(f"/scope/v1/orgs/{org}/traces/{trace_id}")
    return answer.json()["spans"] if answer.status_code == 200 else []


@pytest.mark.parametrize("content", ["protobuf", "json"])
@pytest.mark.parametrize("path", LOG_PATHS + METRIC_PATHS)
def test_every_path_takes_every_form(server, org, path, content):
    """Each encoding with each login, counted by SQL at the end; a JSON request gets a JSON answer."""
    of_logs = path in LOG_PATHS
    message = (lambda: logs({"body": "hi"})) if of_logs else (lambda: gauges(["cpu"]))
    assert post(server, path.format(org=org) if "{org}" in path else f"/api/{org}{path}", message()).status_code == 200
    token = server.token(org, ("ingest",))
    logins = [f"Bearer {token}", basic("whoever", token)]
    for encoding in ENCODERS:
        for login in logins:
            answer = post(server, path.format(org=org), message(), content, encoding, authorization=login)
            assert answer.status_code == 200, (encoding, login[:6], answer.text)
            if content == "protobuf":
                assert (answer.headers["content-type"], answer.content) == ("application/x-protobuf", b"")
            else:
                assert answer.headers["content-type"] == "application/json" and answer.json() == {}
    expected = 1 + len(ENCODERS) * len(logins)
    kind, stream = ("logs", "default") if of_logs else ("metrics", "cpu")
    (found,) = search(server, org, kind, f'SELECT count(*) AS n FROM "{stream}"')
    assert found["n"] == expected


@pytest.mark.parametrize("path", LOG_PATHS + METRIC_PATHS)
def test_a_stranger_is_turned_away(server, path):
    message = logs({"body": "hi"}) if path in LOG_PATHS else gauges(["cpu"])
    assert post(server, path.format(org="default"), message, authorization="Bearer isk_wrong").status_code == 401
    assert post(server, path.format(org="default"), message, authorization=None).status_code == 401


def test_what_is_too_old_is_refused_by_name_and_the_rest_is_kept(server, org):
    old = time.time_ns() - 500 * DAY_NS
    message = logs({"body": "good"}, {"body": "old", "time_unix_nano": old})
    answer = post(server, f"/api/{org}/v1/logs", message, "json")
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "1" and "400 days" in partial["errorMessage"]
    answer = post(server, f"/api/{org}/v1/logs", message)
    assert ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records == 1
    assert [row["body"] for row in search(server, org, "logs", 'SELECT body FROM "default"')] == ["good"] * 2

    answer = post(server, f"/api/{org}/v1/metrics", gauges(["cpu"], old), "json")
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    answer = post(server, f"/api/{org}/v1/metrics", gauges(["", "memory"]))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 1 and "name of a metric" in partial.error_message


def test_a_flood_of_metric_names_ends_with_a_reason(serve):
    server = serve("[storage]\nmost_streams = 20\n")
    answer = post(server, "/api/default/v1/metrics", gauges([f"m{n}" for n in range(10_000)]))
    assert answer.status_code == 200
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    # The stream of the server's own rollups counts too, once it is there.
    assert 9_979 <= partial.rejected_data_points <= 9_981
    assert "storage.most_streams" in partial.error_message
    assert post(server, "/api/default/v1/logs", logs({"body": "hi"})).content == b""
    assert post(server, "/api/default/v1/traces", export([OneSpan()])).content == b""


def test_the_books_count_each_signal(serve):
    server = serve()
    post(server, "/api/default/v1/logs", logs({"body": "one"}, {"body": "old", "time_unix_nano": 1}))
    post(server, "/api/default/v1/metrics", gauges(["a", "b", ""]))
    post(server, "/api/default/v1/traces", export([OneSpan()]))
    page = server.get("/metrics").text

    def count(signal: str, outcome: str) -> int:
        line = f'inferscope_ingest_records{{outcome="{outcome}",signal="{signal}"}} '
        return int(float(next(text for text in page.splitlines() if text.startswith(line)).removeprefix(line)))

    counts = {signal: [count(signal, outcome) for outcome in ("received", "stored", "rejected")] for signal in ("traces", "logs", "metrics")}
    assert counts == {"traces": [1, 1, 0], "logs": [2, 1, 1], "metrics": [3, 2, 1]}


def test_logs_and_metrics_survive_a_kill(serve):
    server = serve()
    post(server, "/api/default/v1/logs", logs({"body": "kept"}))
    post(server, "/api/default/v1/metrics", gauges(["a", "b"]))
    server.kill()
    server.start()
    assert [row["body"] for row in search(server, "default", "logs", 'SELECT body FROM "default"')] == ["kept"]
    for name in ("a", "b"):
        assert [row["value"] for row in search(server, "default", "metrics", f"SELECT value FROM {name}")] == [0.5]


def test_sql_on_streams_that_are_empty_works(server, org):
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan()])).status_code == 200
    sql = 'SELECT severity, body, gen_ai_input_messages FROM "default" WHERE severity_number > 5 AND trace_id IS NOT NULL'
    assert search(server, org, "logs", sql) == []
    joined = (
        'SELECT s.trace_id, l.body FROM "traces"."default" s LEFT JOIN "logs"."default" l'
        " ON s.trace_id = l.trace_id AND s.span_id = l.span_id AND l.llm_observation_type = 'EVENT'"
    )
    assert len(search(server, org, "traces", joined)) == 1


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_grpc_takes_both_on_the_same_port(server, org, compression):
    with grpc.insecure_channel(server.address) as channel:
        metadata = [("authorization", ROOT_BASIC), ("organization", org), ("stream-name", "My App")]
        ask = {"metadata": metadata, "compression": compression, "timeout": 30}
        good_and_old = logs({"body": "hi"}, {"body": "old", "time_unix_nano": 1})
        answer = LogsServiceStub(channel).Export(good_and_old, **ask)
        assert answer.partial_success.rejected_log_records == 1
        answer = MetricsServiceStub(channel).Export(gauges(["cpu", ""]), **ask)
        assert answer.partial_success.rejected_data_points == 1
        for stub, message in ((LogsServiceStub, logs({"body": "hi"})), (MetricsServiceStub, gauges(["cpu"]))):
            with pytest.raises(grpc.RpcError) as refused:
                stub(channel).Export(message, metadata=metadata[1:], timeout=30)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert [row["body"] for row in search(server, org, "logs", "SELECT body FROM my_app")] == ["hi"]
    assert [row["value"] for row in search(server, org, "metrics", "SELECT value FROM cpu")] == [0.5]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_openobserve_s_sdk_sends_all_three_signals(server, org, tmp_path, protocol):
    settings = {
        "OPENOBSERVE_URL": server.url,
        "OPENOBSERVE_ORG": org,
        "OPENOBSERVE_AUTH_TOKEN": ROOT_BASIC,
        "OPENOBSERVE_PROTOCOL": protocol,
    }
    ran = run_program("signals.py", tmp_path, settings)
    assert ran.code == 0, ran.err
    # The SDK's exporters tell of a refused export on stderr; the program's own warning is there as well.
    assert "Failed to export" not in ran.err and "Exception" not in ran.err and "Traceback" not in ran.err, ran.err
    trace_id = ran.out.strip()

    (span,) = server.rows('SELECT * FROM "default"', org)
    assert (span["trace_id"], span["operation_name"]) == (trace_id, "work")

    sql = "SELECT * FROM \"default\" WHERE instrumentation_library_name = 'my.app' ORDER BY _timestamp"
    slow, done = search(server, org, "logs", sql)
    assert (slow["body"], slow["severity"], slow["severity_number"]) == ("slow answer for user-7", "WARN", 13)
    assert (slow["route"], slow["ms"], slow["service_name"]) == ("/chat", 812, "unknown_service:python")
    assert (slow["trace_id"], slow["span_id"]) == (trace_id, span["span_id"])
    assert done["body"] == "done"

    # The SDK may export a cumulative metric more than once.
    requests = search(server, org, "metrics", "SELECT * FROM app_requests ORDER BY _timestamp")[-1]
    expected = {"value": 3.0, "__type__": "counter", "__unit__": "1", "__temporality__": "cumulative", "route": "/chat"}
    assert {name: requests[name] for name in expected} == expected
    assert (requests["__name__"], requests["instrumentation_library_version"]) == ("app_requests", "1.0")
    assert search(server, org, "metrics", "SELECT * FROM app_temp")[-1]["value"] == 21.5
    for part, value in (("count", 4.0), ("sum", 995.5), ("min", 3.5), ("max", 900.0)):
        assert search(server, org, "metrics", f"SELECT value FROM app_latency_{part}")[-1]["value"] == value
    sql = "SELECT le, max(value) AS n FROM app_latency_bucket GROUP BY le"
    buckets = {row["le"]: row["n"] for row in search(server, org, "metrics", sql)}
    assert [buckets[le] for le in ("0", "5", "25", "100", "1000", "+Inf")] == [0, 1, 2, 3, 4, 4]


MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Explain distributed tracing."}]},
]

CAPTURE = {
    "one event a message": {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
    "one event for all": {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY",
    },
}


@pytest.mark.parametrize("capture", CAPTURE)
def test_messages_that_opentelemetry_s_instrumentation_logs_are_on_their_span(server, simulators, org, tmp_path, capture):
    settings = {
        "OPENOBSERVE_URL": server.url,
        "OPENOBSERVE_ORG": org,
        "OPENOBSERVE_AUTH_TOKEN": ROOT_BASIC,
        "HF_TOKEN": "hf_any_key_will_do",
        "HF_BASE_URL": f"{simulators[0].url}/v1",
        **CAPTURE[capture],
    }
    ran = run_program("openai_v2.py", tmp_path, settings)
    assert ran.code == 0 and "Traceback" not in ran.err, ran.err
    (row,) = server.rows('SELECT * FROM "default"', org)
    assert "gen_ai_input_messages" not in row, "contents come by events only"

    (span,) = trace(server, org, row["trace_id"])
    messages = [
        {"role": message["role"], "parts": [{name: part[name] for name in ("type", "content")} for part in message["parts"]]}
        for message in json.loads(span["gen_ai_input_messages"])
    ]
    assert messages == MESSAGES
    (answer,) = json.loads(span["gen_ai_output_messages"])
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    assert [part["content"] for part in answer["parts"]] == [ran.out.rstrip("\n")]
    assert span["_filled_from_log_events"] == ["gen_ai_input_messages", "gen_ai_output_messages"]

    joined = search(
        server,
        org,
        "traces",
        'SELECT l.gen_ai_output_messages AS said FROM "traces"."default" s JOIN "logs"."default" l'
        " ON s.trace_id = l.trace_id AND s.span_id = l.span_id"
        " WHERE l.llm_observation_type = 'EVENT' AND l.gen_ai_output_messages IS NOT NULL",
    )
    assert [json.loads(found["said"]) for found in joined] == [[answer]]
    if capture == "one event a message":
        usage = 'SELECT gen_ai_token_type, value FROM "gen_ai_client_token_usage_sum"'
        tokens = {found["gen_ai_token_type"]: found["value"] for found in search(server, org, "metrics", usage)}
        assert tokens == {"input": row["llm_token_count_prompt"], "output": row["llm_token_count_completion"]}


@pytest.mark.parametrize("first", ["event", "span"])
def test_events_join_their_span_whichever_comes_first(server, org, first):
    span = OneSpan(name="chat m", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
    ids = {"trace_id": span.trace_id, "span_id": span.span_id}
    ask = {"event_name": "gen_ai.user.message", "body": {"content": "hi"}, "observed_time_unix_nano": time.time_ns(), **ids}

    def send_span():
        assert post(server, f"/api/{org}/v1/traces", export([span])).status_code == 200

    def send_event():
        headers = {"stream-name": "events"}
        # Sent twice, as by an exporter whose answer was lost.
        for content in ("protobuf", "json"):
            assert post(server, f"/api/{org}/v1/logs", logs(ask), content, headers=headers).status_code == 200

    for send in (send_event, send_span) if first == "event" else (send_span, send_event):
        send()
    (found,) = wait_until(lambda: trace(server, org, span.trace_id.hex()), "the trace is there")
    assert json.loads(found["gen_ai_input_messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert found["_filled_from_log_events"] == ["gen_ai_input_messages"]
