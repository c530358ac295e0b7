"""The server dies at each of its named places, under load: what was acknowledged is there afterwards, once.

`pytest -s -k crash` prints the table of counts that docs/storage.md shows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars
import pytest
from prometheus_client.parser import text_string_to_metric_families

from rig.server import HOUR_US, ROOT_LOGIN, Server, now_us
from rig.spans import PROTOBUF, export
from rig.waiting import wait_until
from rig.writers import Writers, numbered

# Everything that upkeep does is due at once, and often.
KEPT = (
    "[query]\ntimeout_s = 1\nstream_timeout_s = 1\n"
    "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.1\nmerge_at = 2\nhistory_minutes = 0.02\ncheckpoint_commits = 3\n"
)
ABORTED = -6
DAY_NS = 86_400_000_000_000
DOOMED = "d0" * 16


@dataclass
class Crash:
    """One crash: where, at the how manyth time, and what a power cut would leave of the files beside it."""

    place: str
    times: int = 1
    erase: bool = False
    worse: Callable[[Path], None] | None = None
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.place


def newest_checkpoint(table: Path) -> Path:
    return sorted((table / "_delta_log").glob("*.checkpoint.parquet"))[-1]


def half_a_checkpoint(table: Path) -> None:
    path = newest_checkpoint(table)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_hint(table: Path) -> None:
    (table / "_delta_log" / "_last_checkpoint").unlink()


CRASHES = [
    Crash("segment-created"),
    Crash("log-written", times=30),
    Crash("log-synced", times=30),
    Crash("flush-written", times=3),
    Crash("flush-committed", times=3),
    Crash("merge-written", times=2),
    Crash("merge-committed", times=2),
    # After the first of two: between two deletions.
    Crash("vacuuming"),
    Crash("checkpoint-written"),
    Crash("checkpoint-written", worse=half_a_checkpoint, name="checkpoint-written, half of it lost"),
    Crash("checkpoint-written", worse=no_hint, name="checkpoint-written, its hint lost"),
    Crash("erase-rewriting", erase=True),
    Crash("delete-written", erase=True),
    # The first of two days.
    Crash("delete-committed", erase=True),
]


@pytest.fixture(scope="module")
def table_of_counts() -> Iterator[list[tuple]]:
    lines: list[tuple] = []
    yield lines
    head = ("crash at", "acknowledged before", "acknowledged at last", "rows", "distinct", "lost", "doubled", "by deltalake")
    print("\n" + "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [head, ("---",) * len(head), *lines]))


def doomed_and_others() -> bytes:
    """Spans of two days, every second one of the trace that will be erased; numbers from a million on stay."""
    spans = []
    for number in range(1_000_000, 1_000_080):
        span = numbered(number)
        if number % 4 < 2:
            span = replace(span, start_ns=span.start_ns - DAY_NS)
        if number % 2:
            span = replace(span, trace_id=bytes.fromhex(DOOMED))
        spans.append(span)
    return export(spans).SerializeToString()


def stay(numbers: range) -> set[int]:
    return {number for number in numbers if number % 2 == 0}


@pytest.mark.parametrize("crash", CRASHES, ids=str)
def test_what_was_acknowledged_survives_a_crash_at(serve, org, delta_table, table_of_counts, crash):
    server = serve(KEPT)
    answer = server.post(f"/api/{org}/v1/traces", content=doomed_and_others(), headers=PROTOBUF)
    assert answer.status_code == 200, answer.text
    others = stay(range(1_000_000, 1_000_080))
    with Writers(server, org) as writers:
        wait_until(lambda: writers.count() >= 100, "100 spans acknowledged")
        table = wait_until(lambda: delta_table(server, org), "a first flush")
        server.kill()
        server.environment = ROOT_LOGIN | {"INFERSCOPE_CRASH_AT": f"{crash.place}:{crash.times}"}
        try:
            server.start()
            if crash.erase:
                server.request("DELETE", f"/scope/v1/orgs/{org}/traces/{DOOMED}")
        except Exception as error:
            # It may die before it answers, or while it does.
            print(f"while it started: {error!r:.80}")
        assert server.process.wait(60) == ABORTED, server.tail()
        assert f"crash point {crash.place}" in server.text()
        before = writers.count()
        # Other engines read what the crash has left, and see nothing twice.
        left = by_deltalake(table)
        assert len(left) == len(set(left))
        if crash.worse:
            crash.worse(table)
        server.environment = ROOT_LOGIN
        server.start()
        if crash.erase:
            jobs = lambda: server.get(f"/scope/v1/orgs/{org}/erasures").json()["erasures"]  # noqa: E731
            wait_until(lambda: [job["state"] for job in jobs()] == ["done"], "the erasure goes on and is done")
        more = writers.count() + 100
        wait_until(lambda: writers.count() >= more, "spans are taken again")
    acknowledged = writers.acknowledged | (others if crash.erase else set(range(1_000_000, 1_000_080)))
    found = numbers_by_sql(server, org)
    lost, doubled = len(acknowledged - set(found)), len(found) - len(set(found))

    rows = wait_until(lambda: len(by_deltalake(table)) == len(found) and by_deltalake(table), "all rows are in the table")
    table_of_counts.append((crash, before, len(acknowledged), len(found), len(set(found)), lost, doubled, len(rows)))
    assert set(found) == acknowledged and doubled == 0
    assert sorted(rows) == sorted(found), "and other engines see the same"
    assert_books_balance(server)
    assert server.stop() == 0


def by_deltalake(table: Path) -> list[int]:
    return polars.read_delta(str(table), columns=["number"])["number"].to_list()


def numbers_by_sql(server: Server, org: str) -> list[int]:
    range_ = {"start_time": now_us() - 48 * HOUR_US, "size": 100_000}
    return [row["number"] for row in server.rows('SELECT number FROM "default"', org, **range_)]


def assert_books_balance(server: Server) -> None:
    page = server.get("/metrics", headers={"accept": "text/plain"}).text
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    books = {
        sample.labels["outcome"]: sample.value
        for sample in samples
        if sample.name.startswith("inferscope_ingest_records") and sample.labels.get("signal") == "traces"
    }
    received = books.pop("received")
    assert received == sum(books.values()) > 0, books
