"""Model calls without a client library: what goes over the wire is what the test says."""

import json
import os
from collections.abc import Iterator

import httpx

from .server import Server


def ask(model: str, prompt: str = "one two three", **more) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 100, **more}


def traceparent() -> tuple[str, str, str]:
    """A header, its trace id and its span id."""
    trace, span = os.urandom(16).hex(), os.urandom(8).hex()
    return f"00-{trace}-{span}-01", trace, span


class Caller:
    """Calls through a server's gateway with a token."""

    def __init__(self, server: Server, token: str | None = None):
        self.server = server
        self.headers = {"authorization": f"Bearer {token or server.token()}"}

    def post(self, body: dict, path: str = "/v1/chat/completions", simulate: str = "", **headers: str) -> httpx.Response:
        return httpx.post(self.server.url + path, json=body, headers=self._headers(simulate, headers), timeout=60)

    def stream(self, body: dict, path: str = "/v1/chat/completions", simulate: str = "", **headers: str):
        """A context manager: the response with its body still to be read."""
        headers = self._headers(simulate, headers)
        return httpx.stream("POST", self.server.url + path, json=body | {"stream": True}, headers=headers, timeout=60)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.server.url + path, headers=self.headers, timeout=30)

    def _headers(self, simulate: str, more: dict[str, str]) -> dict[str, str]:
        return self.headers | more | ({"x-simulate": simulate} if simulate else {})


def events(lines: Iterator[str]) -> Iterator[dict]:
    """The JSON events of a stream; `[DONE]` ends it."""
    for line in lines:
        if line == "data: [DONE]":
            return
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended without [DONE]")
