"""What is broken on the disk is named at start, costs what it held and no more, and the rest goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rig.server import Server
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

QUICK = "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.2\n"


def send(server: Server, org: str, name: str, spans: int = 10) -> None:
    body = export([OneSpan(name=name) for _ in range(spans)]).SerializeToString()
    answer = server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"


def names(server: Server, org: str) -> dict[str, int]:
    rows = server.rows('SELECT operation_name AS name, count(*) AS n FROM "default" GROUP BY 1', org)
    return {row["name"]: row["n"] for row in rows}


def stored(server: Server, org: str) -> dict:
    streams = server.get(f"/scope/v1/orgs/{org}/storage").json()["streams"]
    return next(stream for stream in streams if (stream["kind"], stream["stream"]) == ("traces", "default"))


def three_files(server: Server, org: str) -> None:
    for batch in range(3):
        send(server, org, f"batch {batch}")
        at_rest = {"rows": 10 * (batch + 1), "hot_rows": 0}
        wait_until(lambda: at_rest.items() <= stored(server, org).items(), "the batch is flushed")


def flip(path: Path, at: int, count: int = 1) -> bytes:
    """Breaks some bytes; answers what was there."""
    whole = path.read_bytes()
    broken = bytearray(whole)
    for place in range(at, at + count):
        broken[place] ^= 0xFF
    path.write_bytes(broken)
    return whole


def cut(path: Path, at: int) -> None:
    path.write_bytes(path.read_bytes()[:at])


def within(path: Path, text: bytes) -> int:
    return path.read_bytes().index(text)


@pytest.mark.parametrize(
    ("damage", "left", "said"),
    [
        # The second of three records: a record that fails its checksum ends its segment.
        (lambda path: flip(path, within(path, b"batch 1")), {"batch 0": 10}, "damaged part of the log is passed over"),
        # A write that the power cut off: nobody had been told that it is stored.
        (lambda path: cut(path, within(path, b"batch 2")), {"batch 0": 10, "batch 1": 10}, "torn_bytes"),
        (lambda path: flip(path, 0, 20), {}, "damaged part of the log is passed over"),
        (lambda path: cut(path, 7), {}, None),
        # Zeros, as a file system leaves them that had the length and not the content.
        (lambda path: path.write_bytes(path.read_bytes() + b"\0" * 4096), {f"batch {n}": 10 for n in range(3)}, "torn_bytes"),
    ],
    ids=["in the middle", "in its last record", "in its header", "before its header ends", "zeros behind its end"],
)
def test_a_broken_segment_costs_what_it_held_from_there_on(serve, org, damage: Callable, left, said):
    server = serve("[storage]\nflush_after_s = 600\n")
    for batch in range(3):
        send(server, org, f"batch {batch}")
    server.kill()
    (segment,) = (server.data_dir / "wal").glob("*.wal")
    damage(segment)
    before = len(server.text())
    server.start()
    assert names(server, org) == left
    if said:
        assert said in server.text()[before:], server.text()[before:]
    # It goes on, and keeps what it takes.
    send(server, org, "after")
    server.kill()
    server.start()
    assert names(server, org) == left | {"after": 10}


def test_a_missing_data_file_is_named_and_costs_its_rows(serve, org, delta_table):
    server = serve(QUICK)
    three_files(server, org)
    folder = delta_table(server, org)
    gone = sorted(folder.glob("_date=*/part-*.parquet"))[1]
    whole = gone.read_bytes()
    # While it runs, and then at a start.
    gone.unlink()
    wait_until(lambda: names(server, org) == {"batch 0": 10, "batch 2": 10}, "the others are served")
    assert stored(server, org)["unreadable_files"] == [str(gone.relative_to(folder))]
    server.stop()
    before = len(server.text())
    server.start()
    wait_until(lambda: names(server, org) == {"batch 0": 10, "batch 2": 10}, "the others are served after a start")
    assert gone.name in server.text()[before:] and "a data file cannot be read" in server.text()[before:]
    gone.write_bytes(whole)
    wait_until(lambda: names(server, org) == {f"batch {n}": 10 for n in range(3)}, "put back, it is served again")


def test_a_broken_commit_of_a_table_keeps_that_table_s_rows_back_and_no_other_s(serve, org, delta_table):
    server = serve(QUICK)
    other = f"{org}-other"
    three_files(server, org)
    three_files(server, other)
    server.stop()
    commit = sorted((delta_table(server, org) / "_delta_log").glob("*.json"))[-1]
    whole = flip(commit, 0, 40)
    before = len(server.text())
    server.start()
    said = server.text()[before:]
    assert "a table's log is damaged" in said and f"{org}/traces/default" in said and commit.stem in said, said
    assert names(server, other) == {f"batch {n}": 10 for n in range(3)}
    refused = server.search('SELECT count(*) AS n FROM "default"', org)
    assert refused.status_code == 503 and "cannot be read now" in refused.text, refused.text
    # What comes in is kept, over a restart too, until the commit is put back.
    send(server, org, "meanwhile")
    server.kill()
    server.start()
    commit.write_bytes(whole)
    expected = {f"batch {n}": 10 for n in range(3)} | {"meanwhile": 10}
    wait_until(lambda: server.search("SELECT 1", org).status_code == 200 and names(server, org) == expected, "mended, all is there")
