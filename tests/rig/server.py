"""A server under test: started, asked, killed and started again on the same folder."""

import base64
import time
from pathlib import Path

import httpx

from .process import Listening
from .waiting import wait_until

ROOT_EMAIL = "root@example.com"
ROOT_PASSWORD = "correct horse:battery staple"
HOUR_US = 3_600_000_000


def basic(user: str, password: str) -> str:
    """The value of a Basic Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ROOT_BASIC = basic(ROOT_EMAIL, ROOT_PASSWORD)
ROOT_LOGIN = {"INFERSCOPE_ROOT_EMAIL": ROOT_EMAIL, "INFERSCOPE_ROOT_PASSWORD": ROOT_PASSWORD}


def now_us() -> int:
    return time.time_ns() // 1000


class Server(Listening):
    def __init__(self, folder: Path, config: str = "", data_dir: Path | None = None, environment: dict[str, str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir or folder / "data"
        arguments = ["serve", "--data-dir", str(self.data_dir), "--listen", "127.0.0.1:0"]
        if config:
            path = folder / "inferscope.toml"
            path.write_text(config)
            arguments += ["--config", str(path)]
        super().__init__(arguments, folder / "server.log", ROOT_LOGIN if environment is None else environment)

    def start(self, within: float = 60.0) -> None:
        super().start(within)
        wait_until(self._ready, "/readyz answers 200", within)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def request(self, method: str, path: str, authorization: str | None = ROOT_BASIC, **rest) -> httpx.Response:
        headers = dict(rest.pop("headers", {}))
        if authorization is not None:
            headers["authorization"] = authorization
        return httpx.request(method, self.url + path, headers=headers, timeout=rest.pop("timeout", 30), **rest)

    def get(self, path: str, **rest) -> httpx.Response:
        return self.request("GET", path, **rest)

    def post(self, path: str, **rest) -> httpx.Response:
        return self.request("POST", path, **rest)

    def search(self, sql: str, org: str = "default", authorization: str = ROOT_BASIC, **query) -> httpx.Response:
        """One search over the last hour and the next; `query` goes over the defaults."""
        asked = {"sql": sql, "start_time": now_us() - HOUR_US, "end_time": now_us() + HOUR_US, "from": 0, "size": 1000}
        body = {"query": {**asked, **query}}
        return self.post(f"/api/{org}/_search?type=traces", json=body, authorization=authorization)

    def rows(self, sql: str, org: str = "default", **query) -> list[dict]:
        """The rows of a search that has to work; nulls are left out of them."""
        answer = self.search(sql, org, **query)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}\n{sql}"
        return answer.json()["hits"]

    def value(self, sql: str, org: str = "default"):
        """The only value of a search with one row and one column; None when it is null."""
        rows = self.rows(sql, org)
        assert len(rows) == 1 and len(rows[0]) <= 1, rows
        return next(iter(rows[0].values()), None)

    def token(self, org: str = "default", scopes: tuple[str, ...] = ("ingest", "read", "call", "admin")) -> str:
        """A new access token of the organisation."""
        body = {"name": "test", "scopes": list(scopes)}
        answer = self.post(f"/scope/v1/orgs/{org}/tokens", json=body)
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        return answer.json()["token"]

    def open_metrics(self, name: str, accept: str | None = None, namespace: str = "default") -> httpx.Response:
        # httpx sends `*/*` by itself: what curl sends too.
        headers = {} if accept is None else {"accept": accept}
        return self.get(f"/v2/endpoint/{namespace}/{name}/open-metrics", headers=headers)
