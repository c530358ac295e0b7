"""Runs a program as its developer would: in a folder with a `.env`, in a process of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"


@dataclass
class Ran:
    code: int
    out: str
    err: str


def run_program(name: str, folder: Path, dotenv: dict[str, str], arguments: tuple[str, ...] = (), within: float = 90) -> Ran:
    """Copies the program beside its `.env` and runs it; nothing of our environment reaches it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROGRAMS / name, folder / name)
    (folder / ".env").write_text("".join(f'{key}="{value}"\n' for key, value in dotenv.items()))
    environment = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    done = subprocess.run(
        [sys.executable, name, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=within
    )
    return Ran(done.returncode, done.stdout, done.stderr)
