"""kill -9 at random moments: what was acknowledged is there, once."""

import itertools
import os
import random
import threading
import time

import httpx
import polars
import pytest

from rig.server import ROOT_BASIC, Server
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

KILLS = 10
WRITERS = 4
FLUSHED = "[storage]\nflush_after_s = 0.3\n"
# Files are merged and deleted as often as they can be, so that kills meet that too.
KEPT = (
    "[query]\ntimeout_s = 2\nstream_timeout_s = 2\n"
    "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.1\nmerge_at = 2\nhistory_minutes = 0.05\ncheckpoint_commits = 5\n"
)


class Writers:
    """Threads that send numbered spans and send a batch again until it is acknowledged.

    A batch that was sent and not acknowledged may or may not be stored; once it is acknowledged, each of
    its numbers is there exactly once.
    """

    def __init__(self, server: Server, org: str):
        self.server = server
        self.path = f"/api/{org}/v1/traces"
        self.acknowledged: set[int] = set()
        self.tries = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.batches = itertools.count()
        self.threads = [threading.Thread(target=self._write, name=f"writer-{number}") for number in range(WRITERS)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def finish(self) -> None:
        """No new batches; those begun are sent until they are acknowledged."""
        self.stopping.set()
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
                body = export([_numbered(number) for number in numbers]).SerializeToString()
                self._send_until_acknowledged(client, body)
                with self.lock:
                    self.acknowledged.update(numbers)

    def _send_until_acknowledged(self, client: httpx.Client, body: bytes) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
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
        raise AssertionError("a batch was never acknowledged")


def _numbered(number: int) -> OneSpan:
    """A number's span has the same ids however often it is sent."""
    ids = random.Random(number).randbytes(24)
    return OneSpan(name="numbered", trace_id=ids[:16], span_id=ids[16:], attributes={"number": number})


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("config", "longest"), [(FLUSHED, 0.4), (KEPT, 3.0)], ids=["flushes", "flushes and upkeep"])
def test_no_acknowledged_span_is_lost_or_doubled_by_ten_kills(serve, org, delta_table, config, longest):
    seed = int(os.environ.get("KILL_SEED", time.time_ns()))
    print(f"KILL_SEED={seed}")
    moments = random.Random(seed)
    # Flushes as often as they can be, so that kills meet them too.
    server = serve(config)
    writers = Writers(server, org)
    writers.start()
    merged: set[str] = set()
    try:
        for _ in range(KILLS):
            enough = writers.count() + moments.randint(1, 400)
            wait_until(lambda: writers.count() >= enough, f"{enough} spans acknowledged", 60)
            # The moment itself is random too, not only the number of spans before it.
            threading.Event().wait(moments.uniform(0, longest))
            server.kill()
            merged.update(path.name for path in server.data_dir.rglob("merged-*.parquet"))
            server.start()
    finally:
        writers.finish()
    print(f"{len(merged)} merged files seen at kills")
    assert bool(merged) == (config == KEPT), "kills met merges if they were to"
    _check(server, org, writers, delta_table)


def _check(server: Server, org: str, writers: Writers, delta_table) -> None:
    sent = writers.acknowledged
    print(f"{len(sent)} spans acknowledged over {KILLS} kills in {writers.tries} tries")

    def counts() -> tuple[int, int]:
        (row,) = server.rows('SELECT count(*) AS n, count(DISTINCT number) AS d FROM "default"', org)
        return row["n"], row["d"]

    assert counts() == (len(sent), len(sent)), "by SQL: rows, distinct numbers"

    def rows_at_rest() -> int:
        return _polars(delta_table(server, org)).height

    wait_until(lambda: rows_at_rest() == len(sent), "all rows flushed", 60)
    numbers = _polars(delta_table(server, org))["number"]
    assert numbers.n_unique() == len(numbers) == len(sent)
    assert set(numbers.to_list()) == sent
    assert server.stop() == 0
    assert set(_polars(delta_table(server, org))["number"].to_list()) == sent


def _polars(folder) -> polars.DataFrame:
    return polars.read_delta(str(folder), columns=["number"])
