"""Records what a client library exports, byte for byte, as bodies for crates/conventions/tests/fixtures.

    inferscope simulate --listen 127.0.0.1:9001 --model meta-llama/Llama-3.1-8B-Instruct
    MODEL_URL=http://127.0.0.1:9001/v1 python record_bodies.py CLIENT FOLDER

CLIENT is pydantic_ai, langsmith or openlit, each in a Python environment that has that library, openai and
opentelemetry-exporter-otlp-proto-http. Every scenario calls the simulator for real and becomes one file. The resource
is `service.name` alone, and the folders of this machine in stack traces are overwritten by `x`, as long as they were.
"""

import gzip
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
QUESTION = "Explain distributed tracing in one sentence."
URL = os.environ["MODEL_URL"]
received: list[tuple[str, bytes]] = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/v1/traces"):
            received.append((self.headers.get("content-encoding", ""), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
RECEIVER = f"http://127.0.0.1:{server.server_port}"


def provider():
    """OpenTelemetry as a program sets it up: one provider, batches over OTLP/HTTP."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = TracerProvider(resource=Resource({"service.name": "recorded"}))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{RECEIVER}/v1/traces")))
    trace.set_tracer_provider(made)
    return made


def openai_client():
    from openai import OpenAI

    return OpenAI(api_key="hf_key", base_url=URL, max_retries=0)


def chat(client, model=MODEL, **rest):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": QUESTION}], max_tokens=100, **rest)


def drain(stream):
    for _ in stream:
        pass


def fails(call):
    try:
        call()
    except Exception as error:
        print(f"failed as it should: {type(error).__name__}")
        return
    raise AssertionError("it did not fail")


def pydantic_ai(spans):
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.test import TestModel
    from pydantic_ai.providers.openai import OpenAIProvider

    served = OpenAIProvider(api_key="hf_key", base_url=URL)
    Agent.instrument_all(InstrumentationSettings(tracer_provider=spans))

    def agent(model=MODEL, name="support"):
        return Agent(OpenAIChatModel(model, provider=served), name=name, retries=0)

    async def stream():
        async with agent().run_stream(QUESTION) as run:
            await run.get_output()

    async def two():
        first = await agent(name="first").run(QUESTION)
        await agent(name="second").run("And in other words?", message_history=first.all_messages())

    # The simulator calls no tools; pydantic-ai's own test model does, twice round.
    tooled = Agent(TestModel(), name="tooled")

    @tooled.tool_plain
    def get_weather(city: str) -> str:
        return f"sunny in {city}"

    import asyncio

    return {
        "run": lambda: agent().run_sync(QUESTION, model_settings={"max_tokens": 100}),
        "stream": lambda: asyncio.run(stream()),
        "two": lambda: asyncio.run(two()),
        "tools": lambda: tooled.run_sync("What is the weather?"),
        "e429": lambda: fails(lambda: agent("ratelimited/llama").run_sync(QUESTION)),
    }


def langsmith(spans):
    os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
    os.environ |= {"LANGSMITH_API_KEY": "none", "LANGSMITH_ENDPOINT": RECEIVER, "LANGSMITH_PROJECT": "demo"}
    from langsmith import Client, traceable
    from langsmith.wrappers import wrap_openai

    recorder = Client()
    client = wrap_openai(openai_client(), tracing_extra={"client": recorder})

    @traceable(run_type="retriever", name="retrieve", client=recorder)
    def retrieve(question):
        return [{"page_content": "one request, many services", "type": "Document", "metadata": {}}]

    @traceable(name="answer", client=recorder, tags=["prod", "eu"], metadata={"session_id": "s-1", "user_id": "u-1"})
    def answer():
        retrieve(QUESTION)
        return chat(client).choices[0].message.content

    def flushed(call):
        def run():
            call()
            recorder.flush()

        return run

    return {
        "chat": flushed(lambda: chat(client)),
        "stream": flushed(lambda: drain(chat(client, stream=True))),
        "stream-usage": flushed(lambda: drain(chat(client, stream=True, stream_options={"include_usage": True}))),
        "chain": flushed(answer),
        "e429": flushed(lambda: fails(lambda: chat(client, "ratelimited/llama"))),
    }


def openlit(spans):
    import openlit as library
    from opentelemetry import trace

    library.init(service_name="recorded", environment="test", otlp_endpoint=RECEIVER, disable_metrics=True)
    client = openai_client()
    return {
        "chat": lambda: chat(client),
        "stream": lambda: drain(chat(client, stream=True)),
        "stream-usage": lambda: drain(chat(client, stream=True, stream_options={"include_usage": True})),
        "e429": lambda: fails(lambda: chat(client, "ratelimited/llama")),
    }


def nameless(body: bytes, encoding: str) -> bytes:
    """Without this machine's folders: what stands before `site-packages` or a library of Python, and this file's."""
    plain = gzip.decompress(body) if encoding == "gzip" else body
    for prefix in {sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parent)}:
        plain = plain.replace(prefix.encode(), b"x" * len(prefix))
    return gzip.compress(plain) if encoding == "gzip" else plain


def main(client: str, folder: Path) -> None:
    spans = provider()
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for name, run in {"pydantic_ai": pydantic_ai, "langsmith": langsmith, "openlit": openlit}[client](spans).items():
        received.clear()
        run()
        spans.force_flush()
        assert received, f"{name} exported nothing"
        for encoding, body in received:
            number += 1
            ending = ".pb.gz" if encoding == "gzip" else ".pb"
            (folder / f"{number:02}-{name}{ending}").write_bytes(nameless(body, encoding))


main(sys.argv[1], Path(sys.argv[2]))
