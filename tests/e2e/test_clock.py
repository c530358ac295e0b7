"""The clock jumps: nothing is lost, nothing expires by a wrong date, and what is refused says so."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from rig.process import ROOT
from rig.server import HOUR_US, ROOT_LOGIN, Server, now_us
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

HOUR_NS = 3_600_000_000_000
KEPT = "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.1\nretention_days = 2\n"


class Clock:
    """The server's clock, so many hours from this machine's. Durations go on as they are."""

    def __init__(self, folder: Path):
        library = subprocess.run([ROOT / "tests/setup.sh", "debian", "libfaketimeMT.so.1"], capture_output=True, text=True, check=True)
        self.path = folder / "clock"
        self.set(0)
        self.environment = ROOT_LOGIN | {
            "LD_PRELOAD": library.stdout.strip(),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, hours: int) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(f"{hours:+d}h\n")
        os.replace(new, self.path)
        self.hours = hours


@pytest.fixture
def clock(tmp_path) -> Clock:
    return Clock(tmp_path)


def post(server: Server, org: str, name: str, hours: int) -> ExportTraceServiceResponse:
    """Five spans of so many hours from now."""
    start = time.time_ns() + hours * HOUR_NS
    body = export([OneSpan(name=name, start_ns=start) for _ in range(5)]).SerializeToString()
    answer = server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200, answer.text
    return ExportTraceServiceResponse.FromString(answer.content)


def names(server: Server, org: str) -> dict[str, int]:
    always = {"start_time": now_us() - 999 * HOUR_US, "end_time": now_us() + 999 * HOUR_US}
    rows = server.rows('SELECT operation_name AS name, count(*) AS n FROM "default" GROUP BY 1', org, **always)
    return {row["name"]: row["n"] for row in rows}


def passes_of_upkeep(server: Server, org: str) -> None:
    """New rows are flushed, and files looked at, after what the clock shows now."""
    streams = lambda: server.get(f"/scope/v1/orgs/{org}/storage").json()["streams"]  # noqa: E731
    wait_until(lambda: all(stream["hot_rows"] == 0 for stream in streams()), "rows are flushed")


def test_a_clock_that_jumps_loses_nothing(serve, org, clock):
    server = serve(KEPT, environment=clock.environment)
    assert post(server, org, "now", 0).partial_success.rejected_spans == 0
    passes_of_upkeep(server, org)

    # A hundred days ahead: all that is stored is older than it may be, and stays.
    clock.set(24 * 100)
    wait_until(lambda: "the clock has jumped ahead; nothing expires for a day" in server.text(), "the jump is noticed")
    assert post(server, org, "from behind", 0).partial_success.rejected_spans == 0
    assert post(server, org, "of the wrong time", 24 * 100).partial_success.rejected_spans == 0
    passes_of_upkeep(server, org)
    expected = {"now": 5, "from behind": 5}
    always = {"start_time": now_us() - HOUR_US, "end_time": now_us() + 24 * 101 * HOUR_US}
    rows = server.rows('SELECT operation_name AS name, count(*) AS n FROM "default" GROUP BY 1', org, **always)
    assert {row["name"]: row["n"] for row in rows} == expected | {"of the wrong time": 5}

    # Three days back: what is sent now seems to come from the future, is refused one by one, and says why.
    clock.set(-24 * 3)
    refused = post(server, org, "too new", 0).partial_success
    assert refused.rejected_spans == 5 and "ahead" in refused.error_message, refused
    assert post(server, org, "of the old time", -24 * 3).partial_success.rejected_spans == 0
    assert names(server, org) == expected | {"of the old time": 5}

    # And a restart with the clock set back, then right again.
    server.kill()
    server.start()
    assert names(server, org) == expected | {"of the old time": 5}
    clock.set(0)
    assert post(server, org, "right again", 0).partial_success.rejected_spans == 0
    passes_of_upkeep(server, org)
    assert names(server, org) == expected | {"of the old time": 5, "right again": 5}
    assert "days were removed" not in server.text()
    assert server.stop() == 0
