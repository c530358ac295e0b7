"""The demo: starts by itself, shows something at once, and leaves nothing running."""

import contextlib
import os
import re
import signal
from pathlib import Path

import httpx

from rig.process import Listening
from rig.server import HOUR_US, now_us
from rig.waiting import wait_until


def children(pid: int) -> list[int]:
    """Whichever of its threads started them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything; the parent is the second field after it.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_demo_shows_live_calls_and_ends_cleanly(tmp_path):
    arguments = ["demo", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0", "--rate", "20"]
    demo = Listening(arguments, tmp_path / "demo.log")
    try:
        demo.start(60)
        (token,) = wait_until(lambda: re.findall(r"/login#token=(\S+)", demo.text()), "the login link is printed")
        for line in ("OPENOBSERVE_URL=", 'OPENOBSERVE_AUTH_TOKEN="Basic ', f"HF_TOKEN={token}", f"{demo.url}/v1"):
            assert line in demo.text()
        headers = {"authorization": f"Bearer {token}"}

        def get(path: str) -> dict:
            span = f"from_us={now_us() - HOUR_US}&to_us={now_us() + HOUR_US}"
            answer = httpx.get(f"{demo.url}/scope/v1/orgs/default/{path}?{span}", headers=headers, timeout=30)
            return answer.json() if answer.status_code == 200 else {}

        def busy() -> bool:
            endpoints = get("endpoints").get("endpoints", [])
            return len(endpoints) >= 2 and all(one["state"] == "running" and one["window"]["requests"] for one in endpoints)

        wait_until(busy, "every endpoint runs and has calls", 90)
        traces = wait_until(lambda: get("traces").get("traces"), "calls are traces")
        assert any(trace["tokens_output"] for trace in traces)

        replicas = children(demo.pid)
        assert len(replicas) >= 3
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(30) == 0, demo.tail()
        wait_until(lambda: not any(alive(pid) for pid in replicas), "no replica outlives the demo")
        assert "panicked at" not in demo.text()
    finally:
        demo.end()
