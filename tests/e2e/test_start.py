"""Starting and stopping: the first login, bad settings, and what a stop leaves behind."""

import base64
import os
import re
import stat
import subprocess

import httpx
import pytest

from rig.process import binary
from rig.server import ROOT_BASIC, basic
from rig.spans import PROTOBUF, OneSpan, export
from rig.waiting import wait_until

LINE = re.compile(r'OPENOBSERVE_AUTH_TOKEN="(Basic [A-Za-z0-9+/=]+)"')
BODY = export([OneSpan()]).SerializeToString()


def test_it_starts_without_settings_and_shows_a_login_once(serve):
    server = serve(environment={})
    (header,) = wait_until(lambda: LINE.findall(server.text()), "the login is printed")
    user, password = base64.b64decode(header.removeprefix("Basic ")).decode().split(":", 1)
    assert user == "root@example.com" and len(password) >= 20
    assert server.post("/api/default/v1/traces", content=BODY, headers=PROTOBUF, authorization=header).status_code == 200
    assert server.get("/scope/v1/whoami", authorization=header).json()["subject"] == user
    assert server.stop() == 0
    server.start()
    assert len(LINE.findall(server.text())) == 1, "shown once"
    assert server.get("/scope/v1/whoami", authorization=header).status_code == 200


def test_a_login_given_later_takes_the_place_of_the_first(serve):
    server = serve(environment={})
    (header,) = wait_until(lambda: LINE.findall(server.text()), "the login is printed")
    server.stop()
    server.environment = {"INFERSCOPE_ROOT_EMAIL": "me@example.com", "INFERSCOPE_ROOT_PASSWORD": "mine"}
    server.start()
    assert server.get("/scope/v1/whoami", authorization=header).status_code == 401
    assert server.get("/scope/v1/whoami", authorization=basic("me@example.com", "mine")).status_code == 200


def test_no_secret_is_logged_or_stored_in_clear(serve):
    server = serve()
    token = server.token()
    assert server.get("/scope/v1/whoami", authorization=f"Bearer {token}").status_code == 200
    assert server.get("/scope/v1/whoami", authorization="Bearer isk_wrongwrongwrongwrongwrongwrongwr").status_code == 401
    server.stop()
    secrets = [b"correct horse:battery staple", token.encode(), ROOT_BASIC.encode(), b"isk_wrong"]
    for path in [server.log, *(path for path in server.data_dir.rglob("*") if path.is_file())]:
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path


def test_the_accounts_are_readable_by_their_owner_only(serve):
    server = serve()
    server.token()
    found = [path for path in server.data_dir.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
    assert found
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_several_listeners_are_one_service(serve, tmp_path):
    server = serve()
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    server.stop()
    server.arguments += ["--listen", "127.0.0.1:0"]
    server.start()
    addresses = wait_until(
        lambda: (found := re.findall(r"listening on (http://[0-9.:]+)", server.text())[1:]) and len(found) == 2 and found,
        "both are named",
    )
    for address in addresses:
        assert httpx.get(f"{address}/readyz").status_code == 200


def refused(arguments: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=30, env={"HOME": "/nonexistent"})


BAD = [
    ("an unknown key", '[server]\nlistne = ["127.0.0.1:0"]\n', "listne"),
    ("no TOML", "endpoint = [\n", "inferscope.toml"),
    ("a bad URL", '[[endpoint]]\nname = "a"\nmodel = "m"\nreplicas = [{ url = "not a url" }]\n', "url"),
    ("a replica and a process", '[[endpoint]]\nname = "a"\nmodel = "m"\nreplicas = []\nprocess = { engine = "simulator" }\n', "a"),
    ("two of one name", '[[endpoint]]\nname = "a"\nmodel = "m"\nreplicas = [{ url = "http://127.0.0.1:1" }]\n' * 2, "a"),
    ("more at least than at most", '[[endpoint]]\nname = "a"\nmodel = "m"\nmin_replicas = 3\nmax_replicas = 1\nprocess = { engine = "simulator" }\n', "max_replicas"),
]


@pytest.mark.parametrize(("config", "named"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_settings_are_refused_by_name_before_anything_starts(tmp_path, config, named):
    path = tmp_path / "inferscope.toml"
    path.write_text(config)
    data = tmp_path / "data"
    done = refused(["serve", "--config", str(path), "--data-dir", str(data), "--listen", "127.0.0.1:0"])
    assert done.returncode != 0
    assert named in done.stderr and "panicked" not in done.stderr, done.stderr
    assert not data.exists()


def test_one_folder_serves_one_server(serve):
    server = serve()
    done = refused(["serve", "--data-dir", str(server.data_dir), "--listen", "127.0.0.1:0"])
    assert done.returncode != 0 and str(server.data_dir) in done.stderr, done.stderr
    assert server.get("/readyz").status_code == 200


def test_an_orderly_stop_ends_with_zero_and_keeps_everything(serve, org):
    server = serve()
    for _ in range(20):
        body = export([OneSpan()]).SerializeToString()
        assert server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    assert server.stop() == 0
    server.start()
    assert server.value('SELECT count(*) AS n FROM "default"', org) == 20


def test_a_data_folder_may_be_named_from_where_the_program_runs(serve, org, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server = serve("[storage]\nflush_after_s = 0.1\n", name="own")
    server.stop()
    at = server.arguments.index("--data-dir") + 1
    server.arguments[at] = os.path.relpath(server.arguments[at])
    server.start()
    body = export([OneSpan()]).SerializeToString()
    assert server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    wait_until(lambda: list(server.data_dir.rglob("part-*.parquet")), "the span is in a file")
    assert server.value('SELECT count(*) AS n FROM "default"', org) == 1


def test_the_pages_are_in_the_binary(server):
    page = httpx.get(server.url, follow_redirects=True)
    assert page.status_code == 200 and "<html" in page.text.lower()
    assert httpx.get(f"{server.url}/o/default/endpoints").status_code == 200, "a page's own address, reloaded"
    assert httpx.get(f"{server.url}/scope/v1/nosuch", headers={"authorization": ROOT_BASIC}).status_code == 404
