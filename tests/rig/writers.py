"""Senders that never give up: numbered spans, each batch sent until it is acknowledged."""

import itertools
import random
import threading
import time

import httpx

from .server import ROOT_BASIC, Server
from .spans import PROTOBUF, OneSpan, export


class Writers:
    """Threads that send numbered spans and send a batch again until it is acknowledged.

    A batch that was sent and not acknowledged may or may not be stored; once it is acknowledged, each of
    its numbers is there exactly once.
    """

    def __init__(self, server: Server, org: str, threads: int = 4):
        self.server = server
        self.path = f"/api/{org}/v1/traces"
        self.acknowledged: set[int] = set()
        self.tries = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.abandoned = threading.Event()
        self.batches = itertools.count()
        self.threads = [threading.Thread(target=self._write, name=f"writer-{number}") for number in range(threads)]

    def __enter__(self) -> "Writers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        """No new batches; those begun are sent until they are acknowledged, unless the test has failed."""
        self.stopping.set()
        if kind is not None:
            self.abandoned.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), f"{thread.name} never got its last batch acknowledged"

    def count(self) -> int:
        with self.lock:
            return len(self.acknowledged)

    def _write(self) -> None:
        with httpx.Client(timeout=10, headers=PROTOBUF | {"authorization": ROOT_BASIC}) as client:
            while not self.stopping.is_set():
                with self.lock:
                    first = next(self.batches) * 20
                numbers = range(first, first + random.randint(1, 20))
                body = export([numbered(number) for number in numbers]).SerializeToString()
                self._send_until_acknowledged(client, body)
                with self.lock:
                    self.acknowledged.update(numbers)

    def _send_until_acknowledged(self, client: httpx.Client, body: bytes) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.abandoned.is_set():
            with self.lock:
                self.tries += 1
            try:
                # The address is a new one after every start.
                answer = client.post(self.server.url + self.path, content=body)
            except httpx.TransportError:
                time.sleep(0.01)
                continue
            if answer.status_code == 200:
                return
            assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
            assert "retry-after" in answer.headers
            time.sleep(0.01)
        assert self.abandoned.is_set(), "a batch was never acknowledged"


def numbered(number: int, **rest) -> OneSpan:
    """A number's span has the same ids however often it is sent."""
    ids = random.Random(number).randbytes(24)
    return OneSpan(name="numbered", trace_id=ids[:16], span_id=ids[16:], attributes={"number": number}, **rest)
