"""Tables are kept well: merged, erased from, bounded, and served although some of it is broken."""

import os
import subprocess
import time
from pathlib import Path

import duckdb
import polars
import pytest
from deltalake import DeltaTable

from rig.keeping import EAGER, erased, metric
from rig.server import Server
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

def send(server: Server, org: str, spans: list[OneSpan]) -> None:
    body = export(spans).SerializeToString()
    answer = server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"


def storage(server: Server, org: str) -> dict:
    answer = server.get(f"/scope/v1/orgs/{org}/storage")
    assert answer.status_code == 200, answer.text
    return answer.json()


def traces(server: Server, org: str) -> dict:
    """The default trace stream's figures."""
    return next(stream for stream in storage(server, org)["streams"] if (stream["kind"], stream["stream"]) == ("traces", "default"))


def flushed(server: Server, org: str, rows: int) -> bool:
    return (traces(server, org)["rows"], traces(server, org)["hot_rows"]) == (rows, 0)


def count(server: Server, org: str) -> int:
    return server.value('SELECT count(*) AS n FROM "default"', org)


def in_table(folder: Path) -> set[str]:
    """The files that the table refers to, by its own log."""
    return set(DeltaTable(folder).get_add_actions(flatten=True)["path"].to_pylist())


def data_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("_date=*/*")}


def test_three_other_engines_count_the_same_rows_after_merges(serve, org, delta_table):
    server = serve(EAGER)
    total = 0
    for batch in range(12):
        send(server, org, [OneSpan(attributes={"number": number, f"only.in.{batch}": "x"}) for number in range(50)])
        total += 50
        # A batch a file, so that there is something to merge.
        wait_until(lambda: flushed(server, org, total), f"{total} rows flushed")
    wait_until(lambda: traces(server, org)["files"] < 4, "the files are merged")
    folder = delta_table(server, org)
    wait_until(lambda: data_files(folder) == in_table(folder), "the old files are gone")
    assert count(server, org) == total == 600

    assert sum(DeltaTable(folder).get_add_actions(flatten=True)["num_records"].to_pylist()) == total
    frame = polars.read_delta(str(folder))
    assert frame.height == total and frame["number"].sum() == 12 * 1225
    assert frame["only_in_7"].count() == 50
    paths = [str(folder / path) for path in in_table(folder)]
    by_duckdb = duckdb.sql(f"SELECT count(*), sum(number), count(only_in_7), count(DISTINCT span_id) FROM read_parquet({paths!r}, union_by_name = true)")
    assert by_duckdb.fetchall() == [(600, 12 * 1225, 50, 600)]
    for path in paths:
        times = duckdb.sql(f"SELECT _timestamp FROM read_parquet({path!r})").fetchall()
        assert times == sorted(times), "a merged file is sorted"
    log = sorted(path.name for path in (folder / "_delta_log").iterdir())
    assert any(name.endswith(".checkpoint.parquet") for name in log) and "_last_checkpoint" in log

    assert metric(server, "inferscope_upkeep_merges") >= 1
    assert metric(server, "inferscope_upkeep_merged_files") >= 8
    assert metric(server, "inferscope_upkeep_vacuumed_files") >= 8
    assert metric(server, "inferscope_upkeep_checkpoints") >= 1
    assert metric(server, "inferscope_upkeep_failures", step="merge") == 0
    assert metric(server, "inferscope_table_rows") >= total
    figures = traces(server, org)
    assert figures["last_merge_us"] and figures["last_error_us"] is None
    assert figures["bytes"] == sum((folder / path).stat().st_size for path in in_table(folder))


def test_a_span_that_is_sent_again_much_later_is_stored_once(serve, org):
    # The server forgets what it has seen with its first restart, as it would after a while.
    server = serve(EAGER + "[ingest]\nremembered_minutes = 0\nremembered_bytes = 0\n")
    spans = [OneSpan(name="twice") for _ in range(20)]
    send(server, org, spans)
    wait_until(lambda: flushed(server, org, 20), "all rows flushed")
    server.stop()
    for log in (server.data_dir / "wal").glob("*.wal"):
        log.unlink()
    (server.data_dir / "wal" / "name").unlink()
    server.start()
    send(server, org, spans)
    wait_until(lambda: traces(server, org)["hot_rows"] == 0, "the repeats are flushed")
    # Each batch is a file: with these there are enough for a merge.
    for _ in range(3):
        send(server, org, [OneSpan(name="once")])
        wait_until(lambda: traces(server, org)["hot_rows"] == 0, "the batch is flushed")
    wait_until(lambda: count(server, org) == 23, "the repeats are gone")
    assert metric(server, "inferscope_upkeep_repeats") == 20


def test_what_is_erased_is_gone_and_stays_gone(serve, org, delta_table):
    server = serve(EAGER)
    first, second, third = (os.urandom(16) for _ in range(3))
    mine = {"user.id": "alice.the.first", "session.id": "s-1"}
    send(server, org, [OneSpan(trace_id=first, attributes=mine), OneSpan(trace_id=first), OneSpan(trace_id=second)])
    wait_until(lambda: flushed(server, org, 3), "all rows flushed")
    send(server, org, [OneSpan(trace_id=third, attributes={"session.id": "s-2"}), OneSpan(trace_id=second)])
    assert count(server, org) == 5

    job = erased(server, org, f"traces/{second.hex()}")
    assert (job["of"], job["rows"]) == ("trace", 2)
    assert count(server, org) == 3
    assert server.get(f"/scope/v1/orgs/{org}/traces/{second.hex()}").status_code == 404
    # What the log still holds does not come back.
    server.kill()
    server.start()
    assert count(server, org) == 3
    assert erased(server, org, "users/alice.the.first")["rows"] == 2
    assert erased(server, org, "sessions/s-2")["rows"] == 1
    assert count(server, org) == 0
    jobs = server.get(f"/scope/v1/orgs/{org}/erasures").json()["erasures"]
    assert sorted(job["of"] for job in jobs) == ["session", "trace", "user"]

    folder = delta_table(server, org)
    wait_until(lambda: data_files(folder) == in_table(folder), "the old files are gone")
    assert not any(b"alice.the.first" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    lines = [line for line in server.text().splitlines() if "audit" in line]
    assert len([line for line in lines if "asked for" in line]) == 3 and "root@example.com" in lines[0]
    assert "alice" not in server.text()


def test_erasing_needs_the_scope_and_the_organisation(server, org):
    send(server, org, [OneSpan(trace_id=b"\1" * 16)])
    weak = server.token(org, ("ingest", "read", "call"))
    path = f"/scope/v1/orgs/{org}/traces/{'01' * 16}"
    assert server.request("DELETE", path, authorization=f"Bearer {weak}").status_code == 403
    assert server.request("DELETE", path, authorization=None).status_code == 401
    assert server.get(f"/scope/v1/orgs/{org}/erasures", authorization=f"Bearer {weak}").status_code == 403
    stranger = server.token("default")
    assert server.request("DELETE", path, authorization=f"Bearer {stranger}").status_code in (403, 404)
    assert server.get(f"/scope/v1/orgs/{org}/erasures/none").status_code == 404
    assert server.get(f"/scope/v1/orgs/{org}/storage", authorization=f"Bearer {weak}").status_code == 200
    assert count(server, org) == 1


def test_at_its_ceiling_the_server_refuses_until_there_is_room(serve, org):
    server = serve(EAGER + "max_bytes = 30000000\n")
    send(server, org, [OneSpan()])
    ballast = server.data_dir / "ballast"
    ballast.write_bytes(os.urandom(40_000_000))
    wait_until(lambda: storage(server, org)["data_folder"]["full"], "the ceiling is seen")
    body = export([OneSpan()]).SerializeToString()
    refused = server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF)
    assert refused.status_code == 503 and int(refused.headers["retry-after"]) > 0
    assert "max_bytes" in refused.text
    assert metric(server, "inferscope_data_folder_full") == 1
    assert count(server, org) == 1, "questions are answered"
    figures = storage(server, org)["data_folder"]
    assert figures["bytes"] > figures["max_bytes"] == 30_000_000 and figures["when_full"] == "refuse"
    ballast.unlink()
    wait_until(lambda: not storage(server, org)["data_folder"]["full"], "there is room")
    send(server, org, [OneSpan()])
    assert count(server, org) == 2


def test_a_broken_footer_costs_its_rows_and_no_more(serve, org, delta_table):
    server = serve("[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.2\n")
    for batch in range(3):
        send(server, org, [OneSpan(name=f"batch {batch}") for _ in range(10)])
        wait_until(lambda: flushed(server, org, 10 * (batch + 1)), "the batch is flushed")
    server.stop()
    folder = delta_table(server, org)
    broken = sorted(folder.glob("_date=*/part-*.parquet"))[1]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-64] + b"\xff" * 64)

    server.start()
    found = wait_until(lambda: traces(server, org)["unreadable_files"], "the file is named")
    assert found == [str(broken.relative_to(folder))]
    assert "a data file cannot be read" in server.text() and broken.name in server.text()
    rows = server.rows('SELECT operation_name, count(*) AS n FROM "default" GROUP BY 1 ORDER BY 1', org)
    assert rows == [{"operation_name": "batch 0", "n": 10}, {"operation_name": "batch 2", "n": 10}]
    assert metric(server, "inferscope_table_unreadable_files") == 1
    send(server, org, [OneSpan()])
    broken.write_bytes(whole)
    wait_until(lambda: count(server, org) == 31, "a mended file is served again")


def test_a_broken_segment_of_the_log_costs_its_records_and_no_more(serve, org):
    server = serve("[storage]\nflush_after_s = 600\n")
    for batch in range(3):
        send(server, org, [OneSpan(name=f"batch {batch}")])
    server.kill()
    (segment,) = (server.data_dir / "wal").glob("*.wal")
    content = bytearray(segment.read_bytes())
    # In the middle of the second record: a name is in there as it was sent.
    at = content.index(b"batch 1")
    content[at] ^= 0xFF
    segment.write_bytes(content)
    server.start()
    names = [row["operation_name"] for row in server.rows('SELECT operation_name FROM "default" ORDER BY 1', org)]
    assert "batch 0" in names and "batch 1" not in names
    assert "passed over" in server.text(), server.tail(40)
    send(server, org, [OneSpan(name="after")])
    assert count(server, org) == len(names) + 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 48 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(folder)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_answered_with_503_and_recovers_by_itself(serve, org, small_disk):
    server = serve(EAGER, data_dir=small_disk / "data")
    ballast = small_disk / "ballast"
    sent = 0

    def post() -> int:
        body = export([OneSpan(attributes={"text": os.urandom(20_000).hex()}) for _ in range(5)]).SerializeToString()
        answer = server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF)
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
        return answer.status_code

    assert post() == 200
    sent += 5
    free = os.statvfs(small_disk)
    ballast.write_bytes(b"\0" * (free.f_bavail * free.f_frsize - 1_000_000))
    deadline = time.monotonic() + 60
    while (status := post()) == 200:
        sent += 5
        assert time.monotonic() < deadline, "the disk never filled up"
    assert status == 503
    assert count(server, org) == sent, "questions are answered, and what was acknowledged is there"
    ballast.unlink()
    wait_until(lambda: post() == 200, "there is room again")
    sent += 5
    wait_until(lambda: flushed(server, org, count(server, org)), "all rows are flushed")
    # A batch that was refused is not stored, or it would be more.
    assert count(server, org) == sent
    server.kill()
    server.start()
    assert count(server, org) == sent
