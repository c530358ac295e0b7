"""kill -9 at random moments: what was acknowledged is there, once."""

import os
import random
import threading
import time

import polars
import pytest

from rig.server import Server
from rig.waiting import wait_until
from rig.writers import Writers

KILLS = 20
FLUSHED = "[storage]\nflush_after_s = 0.3\n"
# Files are merged and deleted as often as they can be, so that kills meet that too.
KEPT = (
    "[query]\ntimeout_s = 2\nstream_timeout_s = 2\n"
    "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.1\nmerge_at = 2\nhistory_minutes = 0.05\ncheckpoint_commits = 5\n"
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("config", "longest"), [(FLUSHED, 0.4), (KEPT, 3.0)], ids=["flushes", "flushes and upkeep"])
def test_no_acknowledged_span_is_lost_or_doubled_by_twenty_kills(serve, org, delta_table, config, longest):
    seed = int(os.environ.get("KILL_SEED", time.time_ns()))
    print(f"KILL_SEED={seed}")
    moments = random.Random(seed)
    # Flushes as often as they can be, so that kills meet them too.
    server = serve(config)
    merged: set[str] = set()
    with Writers(server, org) as writers:
        for _ in range(KILLS):
            enough = writers.count() + moments.randint(1, 400)
            wait_until(lambda: writers.count() >= enough, f"{enough} spans acknowledged", 60)
            # The moment itself is random too, not only the number of spans before it.
            threading.Event().wait(moments.uniform(0, longest))
            server.kill()
            merged.update(path.name for path in server.data_dir.rglob("merged-*.parquet"))
            server.start()
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
