"""A program that sends all three signals through OpenObserve's SDK: one span, two log records, three metrics."""

from dotenv import load_dotenv

load_dotenv()
import logging

from openobserve import openobserve_init

openobserve_init()
from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import LoggingHandler

log = logging.getLogger("my.app")
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler())
meter = metrics.get_meter("my.app", "1.0")
with trace.get_tracer("my.app").start_as_current_span("work") as span:
    log.warning("slow answer for %s", "user-7", extra={"route": "/chat", "ms": 812})
    log.info("done")
    meter.create_counter("app.requests", unit="1", description="requests").add(3, {"route": "/chat"})
    meter.create_gauge("app.temp").set(21.5, {"room": "a"})
    latency = meter.create_histogram("app.latency", unit="ms")
    for ms in (3.5, 12.0, 80.0, 900.0):
        latency.record(ms, {"route": "/chat"})
print(f"{span.get_span_context().trace_id:032x}")
