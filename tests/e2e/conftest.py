"""Fixtures: one shared server with simulated replicas per worker, and servers of a test's own.

Tests run side by side and share `server`: each works in an organisation of its own (`org`), or looks
only at rows that carry its own mark.
"""

import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.process import Listening, Simulator
from rig.server import Server

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.3"


def endpoint(name: str, model: str, urls: list[str], most: int = 4) -> str:
    """One endpoint of a configuration file."""
    replicas = ", ".join(f'{{ url = "{url}" }}' for url in urls)
    return (
        f'[[endpoint]]\nname = "{name}"\nmodel = "{model}"\n'
        f"min_replicas = {len(urls)}\nmax_replicas = {most}\nreplicas = [{replicas}]\n"
    )


def no_panic(program: Listening) -> None:
    assert "panicked at" not in program.text(), program.tail(60)


@pytest.fixture(scope="session")
def closed_port() -> Iterator[str]:
    """An address that refuses connections: bound, so that nobody else gets it, and not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(scope="session")
def simulators(tmp_path_factory) -> Iterator[list[Simulator]]:
    """Two replicas that serve both models."""
    both = [Simulator(tmp_path_factory.mktemp("simulator"), [LLAMA, MISTRAL]) for _ in range(2)]
    try:
        for simulator in both:
            simulator.start()
        yield both
    finally:
        for simulator in both:
            simulator.end()
    for simulator in both:
        no_panic(simulator)


@pytest.fixture(scope="session")
def server(tmp_path_factory, simulators, closed_port) -> Iterator[Server]:
    """A server with small limits and endpoints for every kind of answer."""
    urls = [simulator.url for simulator in simulators]
    config = (
        "[ingest]\nbody_bytes = 1048576\ndecompressed_bytes = 4194304\n"
        + endpoint("llama", LLAMA, urls)
        + endpoint("mistral", MISTRAL, urls[:1])
        + endpoint("gated", "gated/llama", urls[:1])
        + endpoint("limited", "ratelimited/llama", urls[:1])
        + endpoint("broken", "boom/llama", urls[:1])
        + endpoint("cut", "cut/llama", urls[:1])
        + endpoint("inband", "inband/llama", urls[:1])
        + endpoint("down", "down/llama", [closed_port])
    )
    server = Server(tmp_path_factory.mktemp("server"), config)
    try:
        server.start()
        yield server
    finally:
        server.end()
    no_panic(server)


@pytest.fixture
def org() -> str:
    """An organisation that nobody else uses; it comes into being when root writes to it."""
    return f"org-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[..., Server]]:
    """Starts servers of the test's own; they end with it."""
    started: list[Server] = []

    def start(config: str = "", name: str = "own", **rest) -> Server:
        server = Server(tmp_path / name, config, **rest)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.end()
    for server in started:
        no_panic(server)


@pytest.fixture
def simulate(tmp_path) -> Iterator[Callable[..., Simulator]]:
    """Starts replicas of the test's own; they end with it."""
    started: list[Simulator] = []

    def start(*models: str, extra: list[str] | None = None) -> Simulator:
        simulator = Simulator(tmp_path / f"simulator-{len(started)}", list(models or (LLAMA,)), extra)
        started.append(simulator)
        simulator.start()
        return simulator

    yield start
    for simulator in started:
        simulator.end()


@pytest.fixture
def delta_table() -> Callable[[Server, str], Path]:
    """The folder of an organisation's trace table."""

    def find(server: Server, org: str, stream: str = "default") -> Path:
        found = [path.parent for path in server.data_dir.rglob("_delta_log") if path.parent.parts[-3:] == (org, "traces", stream)]
        assert len(found) == 1, f"tables of {org}: {found}"
        return found[0]

    return find
