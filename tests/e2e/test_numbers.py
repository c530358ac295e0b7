"""Right numbers, and nothing kept that is not to be kept: recorded clients and secrets through the real server."""

import gzip
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from conftest import LLAMA, endpoint
from rig.chat import Caller, ask
from rig.server import Server
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

FIXTURES = Path(__file__).parents[2] / "crates" / "conventions" / "tests" / "fixtures"
SECRET = "hf_abcdefghijklmnop1234"


def recorded(file: str) -> ExportTraceServiceRequest:
    """A recorded body whose newest span ends now."""
    body = (FIXTURES / file).read_bytes()
    request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if file.endswith(".gz") else body)
    spans = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    shift = time.time_ns() - max(span.end_time_unix_nano for span in spans)
    for span in spans:
        span.start_time_unix_nano += shift
        span.end_time_unix_nano += shift
        for event in span.events:
            event.time_unix_nano += shift
    return request


def one_by_one(request: ExportTraceServiceRequest) -> list[ExportTraceServiceRequest]:
    """The same spans, each in a request of its own, in the order in which they ended."""
    parts = []
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                part = ExportTraceServiceRequest()
                of = part.resource_spans.add()
                of.resource.CopyFrom(resource.resource)
                alone = of.scope_spans.add()
                alone.scope.CopyFrom(scope.scope)
                alone.spans.append(span)
                parts.append((span.end_time_unix_nano, -span.start_time_unix_nano, part))
    return [part for _, _, part in sorted(parts, key=lambda part: part[:2])]


def send(server: Server, org: str, request: ExportTraceServiceRequest, stream: str = "default") -> None:
    headers = PROTOBUF | {"stream-name": stream}
    answer = server.post(f"/api/{org}/v1/traces", content=request.SerializeToString(), headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("file", "spans", "calls", "tokens"),
    [
        ("openinference-anthropic/02-tools.pb", 4, 2, 86),
        ("openinference-llama-index/03-rag.pb", 20, 3, 43),
        ("openinference-llama-index/05-agent.pb", 14, 2, 94),
        ("openinference-langchain/02-agent.pb", 7, 2, 94),
        ("litellm/01-chat.pb", 2, 1, 39),
        ("traceloop-sdk/01-tl-workflow.pb", 4, 1, 39),
    ],
)
def test_a_call_counts_once_however_many_spans_tell_of_it(server, org, file, spans, calls, tokens, at_once):
    request = recorded(file)
    for part in [request] if at_once else one_by_one(request):
        send(server, org, part)
    wait_until(lambda: server.value('SELECT count(*) AS n FROM "default"', org) == spans, f"{spans} spans")
    assert server.value('SELECT count(*) AS n FROM "default" WHERE llm_is_leaf', org) == calls
    # Without any filter: what does not count has its figures in other columns.
    assert server.value('SELECT sum(llm_token_count_total) AS n FROM "default"', org) == tokens
    listed = server.rows('SELECT span_id FROM "default" WHERE llm_duplicate_of IS NOT NULL AND llm_is_leaf', org)
    assert listed == []


def on_disk(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_secrets_do_not_reach_the_disk_on_any_way_in(serve, simulate):
    config = (
        '[storage]\nflush_after_s = 0.5\n[privacy]\ncapture = "redacted"\n'
        'rule = [{ name = "project", pattern = "(?i)project [a-z]+" }]\n'
        'stream = [{ stream = "silent", capture = "none" }, { stream = "open", capture = "full" }]\n'
    ) + endpoint("llama", LLAMA, [simulate().url])
    server = serve(config)
    span = OneSpan(
        attributes={
            "openinference.span.kind": "LLM",
            "llm.model_name": "m",
            "input.value": f"key {SECRET} of ann@example.org for Project Zeus",
            "output.value": "fine",
            "http.request.header.authorization": "Basic bGV0bWVpbg==",
            "llm.token_count.prompt": 3,
        }
    )
    send(server, "default", export([span]))
    send(server, "default", export([span]), "silent")
    assert Caller(server).post(ask(LLAMA, f"my key is {SECRET}")).status_code == 200

    rows = wait_until(lambda: len(rows := server.rows('SELECT * FROM "default"')) == 2 and rows, "both calls")
    app, gateway = sorted(rows, key=lambda row: row["inferscope_vantage_point"])
    assert app["llm_input"] == "key [redacted:api-key] of [redacted:email] for [redacted:project]"
    assert app["content_redacted"] is True and app["http_request_header_authorization"] == "[redacted:authorization]"
    assert "my key is [redacted:api-key]" in gateway["gen_ai_input_messages"]
    [silent] = wait_until(lambda: server.rows('SELECT * FROM "silent"'), "the silent stream's row")
    assert silent["llm_token_count_prompt"] == 3 and silent["llm_model_name"] == "m"
    assert "llm_input" not in silent and "llm_output" not in silent and "input_value" not in silent

    changes = [line for line in server.get("/metrics").text.splitlines() if line.startswith("inferscope_ingest_changes")]
    for change, times in (("authorization_dropped", 2), ("contents_dropped", 1)):
        [line] = [line for line in changes if f'change="{change}"' in line and 'signal="traces"' in line]
        assert line.endswith(f" {times}"), changes
    wait_until(lambda: list((server.data_dir / "lake").rglob("*.parquet")), "a table file")
    for text in (SECRET, "bGV0bWVpbg==", "ann@example.org", "Project Zeus"):
        assert on_disk(server.data_dir, text) == [], text
    # A stream that is kept in full keeps all but the header.
    send(server, "default", export([span]), "open")
    [kept] = wait_until(lambda: server.rows('SELECT * FROM "open"'), "the open stream's row")
    assert SECRET in kept["llm_input"] and kept["http_request_header_authorization"] == "[redacted:authorization]"
