"""The endpoint's metrics as text: the documented sample, and what parsers and Prometheus make of it."""

import subprocess
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from conftest import LLAMA, endpoint
from rig.chat import Caller, ask
from rig.server import Server
from rig.waiting import wait_until

SETUP = Path(__file__).resolve().parents[1] / "setup.sh"
QUANTILES = {"0.5", "0.9", "0.95", "0.99"}
OPENMETRICS = "application/openmetrics-text"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.fixture
def busy(serve, simulate) -> Server:
    """A server of its own with 7 answered calls and 2 refused ones."""
    replicas = [simulate(LLAMA), simulate(LLAMA)]
    server = serve(endpoint("llama", LLAMA, [replica.url for replica in replicas]))
    make_calls(server, good=7, limited=2)
    return server


def make_calls(server: Server, good: int, limited: int) -> None:
    caller = Caller(server)
    wait_until(lambda: caller.get("/v1/models").json()["data"], "the endpoint is there")
    for number in range(good + limited):
        trouble = "" if number < good else ";status=429"
        answer = caller.post(ask(LLAMA), simulate=f"tokens=2{trouble}")
        assert answer.status_code == (429 if trouble else 200), answer.text


def requests_by_code(families) -> dict[str, float]:
    """Counter values by status, over replicas."""
    counted: dict[str, float] = {}
    for family in families:
        if family.name == "http_requests":
            assert family.type == "counter"
            for sample in family.samples:
                assert set(sample.labels) == {"replica_id", "status_code"}
                code = sample.labels["status_code"]
                counted[code] = counted.get(code, 0) + sample.value
    return counted


def by_name(families) -> dict:
    return {family.name: family for family in families}


def settled(server: Server, accept: str | None, parse) -> str:
    """The text once the calls above are in it."""

    def text() -> str:
        body = server.open_metrics("llama", accept).text
        return body if requests_by_code(parse(body)) == {"200": 7, "429": 2} else ""

    return wait_until(text, "the calls are counted")


@pytest.mark.parametrize("accept", [None, "text/plain", "text/plain; version=0.0.4", "*/*"])
def test_plain_text_is_the_documented_sample(busy, accept):
    text = settled(busy, accept, parse_text)
    answer = busy.open_metrics("llama", accept)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = text.splitlines()
    for line in (
        "# TYPE latency_distribution summary",
        "# TYPE http_requests counter",
        "# TYPE cpu_usage_percent gauge",
        "# UNIT cpu_usage_percent percent",
    ):
        assert line in lines
    assert any(line.startswith('http_requests{replica_id="') for line in lines), "the name without _total"
    for quantile in QUANTILES:
        assert any(line.startswith(f'latency_distribution{{quantile="{quantile}"}} ') for line in lines)
    summary = by_name(parse_text(text))["latency_distribution"]
    count = next(sample.value for sample in summary.samples if sample.name == "latency_distribution_count")
    total = next(sample.value for sample in summary.samples if sample.name == "latency_distribution_sum")
    assert count == 9 and 0 < total < 60


@pytest.mark.parametrize("accept", [OPENMETRICS, f"{OPENMETRICS}; version=1.0.0; charset=utf-8", PROMETHEUS_3])
def test_openmetrics_is_strictly_valid(busy, accept):
    text = settled(busy, accept, parse_openmetrics)
    answer = busy.open_metrics("llama", accept)
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("# EOF\n") and "http_requests_total{" in text
    families = by_name(parse_openmetrics(text))
    assert families["latency_distribution"].type == "summary"
    quantiles = {sample.labels["quantile"] for sample in families["latency_distribution"].samples if sample.labels}
    assert quantiles == QUANTILES
    assert families["cpu_usage_percent"].unit == "percent"


def test_an_endpoint_that_is_not_there_is_a_404(server):
    answer = server.open_metrics("nosuch")
    assert answer.status_code == 404 and isinstance(answer.json()["error"], str)


def test_the_counter_does_not_go_back_when_the_server_is_killed(busy):
    settled(busy, None, parse_text)
    busy.kill()
    busy.start()
    settled(busy, None, parse_text)
    make_calls(busy, good=1, limited=0)
    wait_until(lambda: requests_by_code(parse_text(busy.open_metrics("llama").text)) == {"200": 8, "429": 2}, "it goes on")


def test_process_replicas_report_cpu_and_memory(serve):
    server = serve(
        f'[[endpoint]]\nname = "llama"\nmodel = "{LLAMA}"\nmin_replicas = 1\nmax_replicas = 1\nprocess = {{ engine = "simulator" }}\n'
    )

    def hardware() -> bool:
        families = by_name(parse_openmetrics(server.open_metrics("llama", OPENMETRICS).text))
        cpu = [sample for sample in families["cpu_usage_percent"].samples if sample.value >= 0]
        memory = [sample for sample in families["memory_usage_bytes"].samples if sample.value > 1e6]
        return bool(cpu and memory)

    wait_until(hardware, "CPU and memory of the replica", 60)


class Prometheus:
    """Debian's Prometheus, scraping one endpoint."""

    def __init__(self, folder: Path, server: Server, token: str):
        program = subprocess.run([SETUP, "debian", "prometheus"], capture_output=True, text=True, check=True).stdout.strip()
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            "scrape_configs:\n"
            "- job_name: inferscope\n"
            "  metrics_path: /v2/endpoint/default/llama/open-metrics\n"
            f"  authorization: {{type: Bearer, credentials: {token}}}\n"
            f"  static_configs: [{{targets: ['{server.address}'], labels: {{endpoint: llama}}}}]\n"
        )
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as log:
            arguments = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", "--web.listen-address=127.0.0.1:0"]
            self.process = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
        self.url = wait_until(self._address, "Prometheus listens")

    def _address(self) -> str:
        """Prometheus does not log the port that the system chose: its socket tells."""
        assert self.process.poll() is None, self.log.read_text()
        inodes = set()
        for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                target = str(fd.readlink())
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                return f"http://127.0.0.1:{int(columns[1].split(':')[1], 16)}"
        return ""

    def query(self, expression: str) -> list[dict]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10)
        return answer.json()["data"]["result"] if answer.status_code == 200 else []

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def test_prometheus_scrapes_it_and_answers_with_the_right_number(busy, tmp_path):
    settled(busy, None, parse_text)
    prometheus = Prometheus(tmp_path, busy, busy.token(scopes=("read",)))
    try:

        def answer(expression: str) -> float | None:
            result = prometheus.query(expression)
            return float(result[0]["value"][1]) if result else None

        code = 'sum(http_requests_total{endpoint="llama",status_code="%s"})'
        wait_until(lambda: answer(code % 200) == 7, "Prometheus counts 7 good calls", 60)
        assert answer(code % 429) == 2
        assert answer('up{job="inferscope"}') == 1
        assert answer("latency_distribution_count") == 9
        assert 0 < answer('latency_distribution{quantile="0.99"}') < 60
        make_calls(busy, good=3, limited=0)
        wait_until(lambda: answer(code % 200) == 10, "and 3 more", 60)
    finally:
        prometheus.end()
