"""OTLP trace exports made by hand, in both formats, and what one span looks like as a row."""

import gzip
import os
import time
import zlib
from dataclasses import dataclass, field

import zstandard
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Plain = str | bool | int | float | list


@dataclass
class OneSpan:
    """A span that ended now, unless told otherwise."""

    name: str = "ChatCompletion"
    attributes: dict[str, Plain] = field(default_factory=dict)
    trace_id: bytes = field(default_factory=lambda: os.urandom(16))
    span_id: bytes = field(default_factory=lambda: os.urandom(8))
    parent: bytes = b""
    start_ns: int = field(default_factory=lambda: time.time_ns() - 250_000_000)
    duration_ns: int = 250_000_000
    status: int = Status.STATUS_CODE_OK


def any_value(value: Plain) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(each) for each in value]))


def _attributes(values: dict[str, Plain]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def export(spans: list[OneSpan], service: str | None = "tests") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    if service is not None:
        resource.resource.attributes.extend(_attributes({"service.name": service}))
    scope = resource.scope_spans.add()
    scope.scope.name = "tests"
    for span in spans:
        scope.spans.append(
            Span(
                trace_id=span.trace_id,
                span_id=span.span_id,
                parent_span_id=span.parent,
                name=span.name,
                kind=Span.SPAN_KIND_INTERNAL,
                start_time_unix_nano=span.start_ns,
                end_time_unix_nano=span.start_ns + span.duration_ns,
                attributes=_attributes(span.attributes),
                status=Status(code=span.status),
            )
        )
    return request


def as_json(request: ExportTraceServiceRequest) -> dict:
    """The same export as OTLP/JSON: ids are hex there, which protobuf's own JSON form does not know."""
    body = MessageToDict(request, use_integers_for_enums=True)
    for sent, resource in zip(request.resource_spans, body["resourceSpans"]):
        for sent_scope, scope in zip(sent.scope_spans, resource["scopeSpans"]):
            for sent_span, span in zip(sent_scope.spans, scope["spans"]):
                span["traceId"] = sent_span.trace_id.hex()
                span["spanId"] = sent_span.span_id.hex()
                if sent_span.parent_span_id:
                    span["parentSpanId"] = sent_span.parent_span_id.hex()
    return body


PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}

ENCODERS = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "zstd": lambda body: zstandard.ZstdCompressor().compress(body),
    "deflate": zlib.compress,
}


def encoded(body: bytes, encoding: str) -> tuple[bytes, dict[str, str]]:
    """The body as it is sent, and the header that says so."""
    headers = {} if encoding == "identity" else {"content-encoding": encoding}
    return ENCODERS[encoding](body), headers
