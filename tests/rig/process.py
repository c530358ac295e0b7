"""A program of ours that listens, started on a port that the system chose."""

import os
import re
import signal
import subprocess
from pathlib import Path

from .waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
LISTENING = re.compile(r"listening on (http://[0-9.]+:[0-9]+)")


def binary() -> Path:
    """The binary under test: INFERSCOPE_BIN, else the debug build."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("INFERSCOPE_BIN", target / "debug" / "inferscope"))
    assert path.is_file(), f"{path} is not built: run `cargo build -p inferscope`"
    return path


class Listening:
    """One run of the binary. Its log is a file, so that a killed process never blocks on a full pipe."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str] | None = None):
        self.arguments = arguments
        self.log = log
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, within: float = 30.0) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "RUST_BACKTRACE") if name in os.environ}
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(binary()), *self.arguments],
                stdout=log,
                stderr=log,
                env={**inherited, **self.environment},
                start_new_session=True,
            )

        def address() -> str:
            if self.process.poll() is not None:
                raise RuntimeError(f"ended with {self.process.returncode} before it listened:\n{self.tail()}")
            found = LISTENING.search(self.log.read_bytes()[offset:].decode(errors="replace"))
            return found[1] if found else ""

        self.url = wait_until(address, f"{self.arguments[0]} says where it listens", within)

    @property
    def address(self) -> str:
        """host:port"""
        return self.url.removeprefix("http://")

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """kill -9, and its children with it: as a power cut would."""
        self._signal_group(signal.SIGKILL)
        self.process.wait()

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return self.process.wait(within)

    def end(self) -> None:
        """Whatever state it is in, it runs no more."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        self._signal_group(signal.SIGKILL)
        self.process.wait()

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.text().splitlines()[-lines:])


class Simulator(Listening):
    """One simulated replica."""

    def __init__(self, folder: Path, models: list[str], extra: list[str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        arguments = ["simulate", "--listen", "127.0.0.1:0"]
        for model in models:
            arguments += ["--model", model]
        super().__init__(arguments + (extra or []), folder / "simulator.log")
