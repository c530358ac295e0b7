"""Traces in, over every door: paths, formats, encodings, logins, HTTP and gRPC on one port."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from rig.server import HOUR_US, ROOT_BASIC, Server, basic, now_us
from rig.spans import ENCODERS, JSON, PROTOBUF, OneSpan, as_json, encoded, export
from rig.waiting import wait_until

DAY_NS = 86_400 * 10**9


def count(server: Server, org: str, stream: str = "default") -> int:
    return server.value(f'SELECT count(*) AS n FROM "{stream}"', org)


def post(server: Server, path: str, message: Message, content: str = "protobuf", encoding: str = "identity", **rest):
    """Sends an export in that form."""
    if content == "protobuf":
        body, headers = message.SerializeToString(), PROTOBUF
    else:
        body, headers = json.dumps(as_json(message)).encode(), JSON
    body, encoding_header = encoded(body, encoding)
    headers = headers | encoding_header | rest.pop("headers", {})
    return server.post(path, content=body, headers=headers, **rest)


@pytest.mark.parametrize("content", ["protobuf", "json"])
@pytest.mark.parametrize("path", ["/api/{org}/v1/traces", "/api/{org}/traces", "/api/{org}/otel/v1/traces", "/v1/traces"])
def test_every_path_takes_every_form(server, org, path, content):
    """Each encoding with each login, counted by SQL at the end."""
    first = post(server, f"/api/{org}/v1/traces", export([OneSpan()]))
    assert first.status_code == 200, "root makes the organisation"
    token = server.token(org, ("ingest",))
    logins = [f"Bearer {token}", basic("whoever", token)]
    # The bare path means the login's own organisation, which root does not have.
    if "{org}" in path:
        logins.append(ROOT_BASIC)
    for encoding in ENCODERS:
        for login in logins:
            answer = post(server, path.format(org=org), export([OneSpan()]), content, encoding, authorization=login)
            assert answer.status_code == 200, (encoding, login[:6], answer.text)
            if content == "protobuf":
                assert answer.headers["content-type"] == "application/x-protobuf"
                assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
            else:
                assert answer.headers["content-type"].startswith("application/json")
                assert not (answer.json().get("partialSuccess") or {})
    expected = 1 + len(ENCODERS) * len(logins)
    wait_until(lambda: count(server, org) == expected, f"{expected} spans")


def test_both_formats_store_the_same_row(server, org):
    span = OneSpan(
        attributes={
            "llm.model_name": "llama3.1-8b",
            "openinference.span.kind": "LLM",
            "llm.token_count.prompt": 21,
            "a.double": 0.5,
            "a.bool": True,
            "Upper-Case.key": "kept",
        },
        parent=b"\x01" * 8,
    )
    twin = OneSpan(**{**vars(span), "span_id": b"\x02" * 8})
    assert post(server, f"/api/{org}/v1/traces", export([span])).status_code == 200
    assert post(server, f"/api/{org}/v1/traces", export([twin]), "json").status_code == 200
    one, other = wait_until(
        lambda: (rows := server.rows('SELECT * FROM "default"', org)) and len(rows) == 2 and rows, "both rows"
    )
    assert one.pop("span_id") != other.pop("span_id")
    assert one == other
    assert one["trace_id"] == span.trace_id.hex() and one["reference_parent_span_id"] == "01" * 8
    assert (one["a_double"], one["a_bool"], one["upper_case_key"]) == (0.5, True, "kept")
    assert (one["llm_token_count_prompt"], one["llm_usage_tokens_input"]) == (21, 21)


def test_the_content_type_may_have_parameters(server, org):
    headers = {"content-type": "application/x-protobuf; charset=utf-8"}
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan()]), headers=headers).status_code == 200
    headers = {"content-type": "application/json; charset=utf-8"}
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan()]), "json", headers=headers).status_code == 200


def test_the_stream_name_picks_the_table(server, org):
    headers = {"stream-name": "My App/traces"}
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan()], service=None), headers=headers).status_code == 200
    (row,) = wait_until(lambda: server.rows('SELECT * FROM "my_app_traces"', org), "the span is in its stream")
    assert row["service_name"] == "my_app_traces", "no service.name: the stream's"
    missing = server.search('SELECT * FROM "another_stream"', org)
    assert missing.status_code == 400 and missing.json()["code"] == 20002


def test_quotes_around_the_stream_are_optional(server, org):
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan()])).status_code == 200
    assert count(server, org) == 1
    assert server.value("SELECT count(*) AS n FROM default", org) == 1


def test_a_column_never_seen_is_null(server, org):
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan(name="one")])).status_code == 200
    answer = server.search(
        'SELECT operation_name, llm_model_name, llm_usage_tokens_total, nobody_sent_this FROM "default"'
        " WHERE nobody_sent_this IS NULL AND llm_request_parameters_model IS NULL",
        org,
    )
    assert answer.status_code == 200, answer.text
    assert [hit["operation_name"] for hit in answer.json()["hits"]] == ["one"]


def test_the_answer_of_a_search_has_openobserve_s_shape(server, org):
    spans = [OneSpan(name=f"n{number}") for number in range(5)]
    assert post(server, f"/api/{org}/v1/traces", export(spans)).status_code == 200
    answer = server.search('SELECT operation_name FROM "default" ORDER BY operation_name', org, **{"from": 1, "size": 2}).json()
    assert [hit["operation_name"] for hit in answer["hits"]] == ["n1", "n2"]
    assert (answer["from"], answer["size"], answer["total"]) == (1, 2, 2)
    for name in ("took", "took_detail", "scan_size", "scan_records", "cached_ratio", "trace_id", "is_partial"):
        assert name in answer, name
    counted = server.search('SELECT * FROM "default"', org, track_total_hits=True).json()
    assert counted["total"] == 5
    before = server.rows('SELECT * FROM "default"', org, start_time=now_us() - 2 * HOUR_US, end_time=now_us() - HOUR_US)
    assert before == [], "the time range is kept to"


def test_the_good_half_of_a_batch_is_kept(server, org):
    spans = [OneSpan(name="good"), OneSpan(name="bad", trace_id=b"\x01\x02")]
    answer = post(server, f"/api/{org}/v1/traces", export(spans))
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1 and "trace" in partial.error_message

    again = [OneSpan(name="good"), OneSpan(name="bad", span_id=b"")]
    answer = post(server, f"/api/{org}/v1/traces", export(again), "json")
    assert answer.status_code == 206, "as OpenObserve's clients know it"
    assert int(answer.json()["partialSuccess"]["rejectedSpans"]) == 1

    rows = server.rows('SELECT operation_name FROM "default"', org)
    assert [row["operation_name"] for row in rows] == ["good"] * 2


def test_late_spans_are_taken_and_absurd_times_are_not(server, org):
    now = time.time_ns()
    ages = {"300 days": now - 300 * DAY_NS, "500 days": now - 500 * DAY_NS, "tomorrow": now + DAY_NS, "1970": 1}
    spans = [OneSpan(name=name, start_ns=start) for name, start in ages.items()]
    answer = post(server, f"/api/{org}/v1/traces", export(spans))
    assert answer.status_code == 200
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 3
    everything = {"start_time": 0, "end_time": now // 1000 + 10 * DAY_NS // 1000}
    rows = server.rows('SELECT operation_name FROM "default"', org, **everything)
    assert [row["operation_name"] for row in rows] == ["300 days"]


def test_a_span_sent_twice_is_stored_once(server, org):
    message = export([OneSpan(name=str(number)) for number in range(50)])
    for content in ("protobuf", "json"):
        assert post(server, f"/api/{org}/v1/traces", message, content).status_code == 200

    def resend(_: int) -> int:
        return wait_until(lambda: post(server, f"/api/{org}/v1/traces", message).status_code == 200, "taken")

    with ThreadPoolExecutor(8) as senders:
        assert all(senders.map(resend, range(32)))
    assert count(server, org) == 50
    # The same span within one body, and in another stream: the first is one, the second another table.
    twin = OneSpan(name="twin")
    assert post(server, f"/api/{org}/v1/traces", export([twin, twin])).status_code == 200
    assert server.value("SELECT count(*) AS n FROM \"default\" WHERE operation_name = 'twin'", org) == 1


def test_many_attributes_are_all_kept(server, org):
    attributes = {f"key.{number}": number for number in range(3_000)}
    assert post(server, f"/api/{org}/v1/traces", export([OneSpan(attributes=attributes)])).status_code == 200
    (row,) = server.rows('SELECT * FROM "default"', org)
    overflow = json.loads(row.get("attributes_overflow", "{}"))
    found = {key for key in attributes if key.replace(".", "_") in row or key in overflow or key.replace(".", "_") in overflow}
    assert found == set(attributes)


class Grpc:
    def __init__(self, server: Server):
        self.channel = grpc.insecure_channel(server.address)
        self.stub = TraceServiceStub(self.channel)

    def export(self, message, authorization: str | None = ROOT_BASIC, compression=None, **metadata: str):
        pairs = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        if authorization:
            pairs.append(("authorization", authorization))
        return self.stub.Export(message, metadata=pairs, compression=compression, timeout=30)


@pytest.fixture
def over_grpc(server):
    client = Grpc(server)
    yield client
    client.channel.close()


def test_grpc_is_on_the_same_port(server, over_grpc, org):
    assert not over_grpc.export(export([OneSpan()]), organization=org).HasField("partial_success")
    over_grpc.export(export([OneSpan()]), organization=org, compression=grpc.Compression.Gzip)
    token = server.token(org, ("ingest",))
    over_grpc.export(export([OneSpan()]), authorization=f"Bearer {token}")
    over_grpc.export(export([OneSpan()]), authorization=f"Bearer {token}", stream_name="Other One")
    assert count(server, org) == 3
    assert count(server, org, "other_one") == 1


def test_grpc_tells_of_spans_that_it_refused(over_grpc, org):
    answer = over_grpc.export(export([OneSpan(), OneSpan(trace_id=b"short")]), organization=org)
    assert answer.partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("login", "organization", "code"),
    [
        (None, "default", grpc.StatusCode.UNAUTHENTICATED),
        ("Bearer isk_wrong", "default", grpc.StatusCode.UNAUTHENTICATED),
        (ROOT_BASIC, "public", grpc.StatusCode.INVALID_ARGUMENT),
        ("a token of another org", "some-other-org", grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_grpc_never_says_ok_to_what_it_did_not_take(server, over_grpc, login, organization, code):
    if login and login.startswith("a token"):
        login = f"Bearer {server.token()}"
    with pytest.raises(grpc.RpcError) as refused:
        over_grpc.export(export([OneSpan()]), authorization=login, organization=organization)
    assert refused.value.code() == code
    assert refused.value.details()
