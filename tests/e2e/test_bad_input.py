"""Bad input, and the clear answer that it gets."""

import gzip
import json
import socket
from http.client import HTTPResponse

import pytest

from rig.server import ROOT_BASIC, basic
from rig.spans import JSON, PROTOBUF, OneSpan, export
from rig.waiting import wait_until

GZIP = {"content-encoding": "gzip"}
BODY = export([OneSpan()]).SerializeToString()
TRACES = "/api/default/v1/traces"

# what, headers, body, status, what the message says
BODIES = [
    ("truncated protobuf", PROTOBUF, BODY[:-7], 400, "protobuf"),
    ("protobuf that is something else", PROTOBUF, b"\xff" * 40, 400, "protobuf"),
    ("truncated JSON", JSON, b'{"resourceSpans": [{', 400, "json"),
    ("JSON of another shape", JSON, b'{"resourceSpans": 7}', 400, "json"),
    ("JSON nested too deep", JSON, b'{"resourceSpans":' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400, "json"),
    ("wrong content type", {"content-type": "text/plain"}, BODY, 400, "application/x-protobuf"),
    ("unknown encoding", PROTOBUF | {"content-encoding": "br"}, BODY, 400, "encoding"),
    ("gzip that is not gzip", PROTOBUF | GZIP, BODY, 400, "gzip"),
    ("truncated gzip", PROTOBUF | GZIP, gzip.compress(BODY)[:-9], 400, "gzip"),
    ("gzip bomb", PROTOBUF | GZIP, gzip.compress(bytes(64 << 20)), 413, "decompress"),
    ("a body over the limit", PROTOBUF, bytes((1 << 20) + 1), 413, "1048576"),
]


@pytest.mark.parametrize(("headers", "body", "status", "says"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_a_bad_body_is_named(server, headers, body, status, says):
    answer = server.post(TRACES, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["code"] == status
    assert says in said["message"].lower() and len(said["message"]) > 10
    assert server.get("/readyz").status_code == 200


LOGINS = [
    ("none", None, 401),
    ("wrong token", "Bearer isk_00000000000000000000000000000000", 401),
    ("wrong password", basic("root@example.com", "guess"), 401),
    ("unknown user", basic("nobody@example.com", "guess"), 401),
    ("no base64", "Basic %%%", 401),
    ("another scheme", "Digest abc", 401),
]


@pytest.mark.parametrize(("login", "status"), [case[1:] for case in LOGINS], ids=[case[0] for case in LOGINS])
def test_who_is_not_known_learns_nothing(server, login, status):
    """In the dialect of the family called, and before the body is looked at."""
    otlp = server.post(TRACES, content=b"\xff" * 40, headers=PROTOBUF, authorization=login)
    assert (otlp.status_code, otlp.text) == (status, "Unauthorized Access")
    assert otlp.headers["www-authenticate"].startswith("Bearer")
    search = server.post("/api/default/_search?type=traces", json={}, authorization=login)
    assert (search.status_code, search.text) == (status, "Unauthorized Access")
    native = server.get("/scope/v1/whoami", authorization=login)
    assert native.status_code == status and native.json()["error"]["code"] == "unauthenticated"
    metrics = server.get("/v2/endpoint/default/llama/open-metrics", authorization=login)
    assert metrics.status_code == status and isinstance(metrics.json()["error"], str)
    call = server.post("/v1/chat/completions", json={"model": "x", "messages": []}, authorization=login)
    assert call.status_code == status and isinstance(call.json()["error"], str)


def test_another_org_and_an_unknown_one_answer_alike(server, org):
    """For a token, an organisation that exists and one that does not are the same."""
    assert server.post(f"/api/{org}/v1/traces", content=BODY, headers=PROTOBUF).status_code == 200
    token = f"Bearer {server.token()}"

    def answers(name: str) -> list[tuple[int, str]]:
        query = {"query": {"sql": 'SELECT * FROM "default"', "start_time": 1, "end_time": 2}}
        tried = [
            server.post(f"/api/{name}/v1/traces", content=BODY, headers=PROTOBUF, authorization=token),
            server.post(f"/api/{name}/_search?type=traces", json=query, authorization=token),
            server.get(f"/scope/v1/orgs/{name}/endpoints", authorization=token),
            server.get(f"/v2/endpoint/{name}/llama/open-metrics", authorization=token),
        ]
        # The request's own id is its own.
        texts = [json.dumps(_without_id(answer.json())) if "json" in answer.headers["content-type"] else answer.text for answer in tried]
        return [(answer.status_code, text.replace(name, "ORG")) for answer, text in zip(tried, texts)]

    assert answers(org) == answers("no-such-org")
    assert all(status in (403, 404) for status, _ in answers(org))
    assert answers(org)[0][0] == answers(org)[1][0] == 403


def _without_id(body: dict) -> dict:
    if isinstance(body.get("error"), dict):
        body["error"].pop("request_id", None)
    return body


def test_root_learns_that_an_org_is_unknown(server):
    query = {"query": {"sql": 'SELECT * FROM "default"', "start_time": 1, "end_time": 2}}
    answer = server.post("/api/no-such-org/_search?type=traces", json=query)
    assert answer.status_code == 404 and "no-such-org" in answer.json()["message"]


@pytest.mark.parametrize("name", ["public", "v1", "_meta", "a%2Fb", "..%2Fdefault", "x" * 65])
def test_a_name_that_is_no_org_is_refused(server, name):
    answer = server.post(f"/api/{name}/v1/traces", content=BODY, headers=PROTOBUF)
    assert answer.status_code in (400, 404), answer.text


REFUSED_WHILE_WRITING = [
    pytest.param("Bearer isc_nobody", 20 << 20, 401, id="a wrong login"),
    pytest.param(None, 31 << 20, 413, id="a body over the limit"),
    pytest.param(None, 12 << 20, 503, id="no room for so many bodies"),
]


@pytest.mark.parametrize("login, size, status", REFUSED_WHILE_WRITING)
@pytest.mark.parametrize("path", [TRACES, "/api/default/app/_json"])
def test_who_still_writes_is_told_why_it_is_refused(serve, path, login, size, status):
    """A sender that writes its whole body first reads the answer, not that the connection broke, and may go on with it."""
    most = 16 << 20 if status == 413 else 32 << 20
    server = serve(f"[ingest]\nbody_bytes = {most}\nbodies_bytes = {32 << 20}\n")
    with connection(server) as taking_room, connection(server) as refused:
        if status == 503:
            # The room is taken by a body that never ends.
            taking_room.sendall(head(path, 32 << 20))
            wait_until(lambda: answered_on_its_own(server, path) == 503, "the room to be taken")
        for _ in range(2):
            refused.sendall(head(path, size, login or ROOT_BASIC))
            refused.sendall(bytes(size))
            answer = answered(refused)
            assert answer.status == status
            assert (answer.headers["retry-after"] is not None) == (status == 503)


def test_who_asks_first_is_refused_without_its_body(serve):
    """Expect: 100-continue: nobody asks for a body that nobody wants."""
    server = serve()
    with connection(server) as asking:
        asking.sendall(head(TRACES, 20 << 20, "Bearer isc_nobody", "Expect: 100-continue\r\n"))
        assert asking.recv(12) == b"HTTP/1.1 401"


def connection(server) -> socket.socket:
    host, port = server.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def head(path: str, size: int, login: str = ROOT_BASIC, more: str = "") -> bytes:
    lines = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {login}\r\nContent-Type: application/json\r\n"
    return f"{lines}Content-Length: {size}\r\n{more}\r\n".encode()


def answered(on: socket.socket) -> HTTPResponse:
    answer = HTTPResponse(on)
    answer.begin()
    answer.read()
    return answer


def answered_on_its_own(server, path: str) -> int:
    with connection(server) as asking:
        asking.sendall(head(path, 1 << 20) + bytes(1 << 20))
        return answered(asking).status


WRITES = [
    "INSERT INTO \"default\" (trace_id) VALUES ('x')",
    "DELETE FROM \"default\"",
    "UPDATE \"default\" SET trace_id = 'x'",
    "DROP TABLE \"default\"",
    "CREATE TABLE t AS SELECT 1",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "COPY (SELECT 1) TO '/tmp/inferscope-was-here.csv'",
    "SET datafusion.execution.batch_size = 1",
    "SELECT 1; DELETE FROM \"default\"",
]


@pytest.mark.parametrize("sql", WRITES)
def test_sql_that_writes_is_refused(server, sql):
    answer = server.search(sql)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == 20001
    assert answer.json()["message"]


def test_sql_cannot_leave_its_org(server, org):
    """By name of a table, of a schema, of a catalogue, of a file, or through the engine's own tables."""
    secret = OneSpan(name="a secret of the other org")
    body = export([secret]).SerializeToString()
    assert server.post(f"/api/{org}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    own = server.post(TRACES, content=BODY, headers=PROTOBUF)
    assert own.status_code == 200
    folder = server.data_dir
    for source in (
        f'"{org}"."default"',
        f'"{org}"."traces"."default"',
        f'"../{org}/traces/default"',
        f"'{folder}'",
        f'"{folder}/lake/{org}/traces/default"',
        "'/etc/passwd'",
        "information_schema.tables",
        f"read_parquet('{folder}/**/*.parquet')",
    ):
        answer = server.search(f"SELECT * FROM {source}")
        assert answer.status_code == 400, (source, answer.text)
        assert "secret" not in answer.text
    answer = server.search('SELECT count(*) AS n FROM "default" WHERE operation_name LIKE \'a secret%\'')
    assert answer.json()["hits"] == [{"n": 0}]
    token = f"Bearer {server.token()}"
    assert server.search('SELECT * FROM "default"', org, authorization=token).status_code == 403


def test_a_token_does_what_it_is_for(server):
    reader, writer, caller = (f"Bearer {server.token(scopes=(scope,))}" for scope in ("read", "ingest", "call"))

    def statuses(login: str) -> list[int]:
        chat = {"model": "nobody/serves-this", "messages": []}
        return [
            server.post(TRACES, content=BODY, headers=PROTOBUF, authorization=login).status_code,
            server.search('SELECT count(*) AS n FROM "default"', authorization=login).status_code,
            server.post("/v1/chat/completions", json=chat, authorization=login).status_code,
            server.post("/scope/v1/orgs/default/tokens", json={"name": "t", "scopes": ["read"]}, authorization=login).status_code,
        ]

    assert statuses(writer) == [200, 403, 403, 403]
    assert statuses(reader) == [403, 200, 403, 403]
    assert statuses(caller) == [403, 403, 400, 403]
    assert statuses(ROOT_BASIC) == [200, 200, 400, 201]


SEARCHES = [
    ("no SQL", {"sql": "SELEC nothing"}, 20001),
    ("an unknown stream", {"sql": 'SELECT * FROM "nowhere"'}, 20002),
    ("times the wrong way round", {"sql": 'SELECT * FROM "default"', "start_time": 2, "end_time": 1}, 400),
]


@pytest.mark.parametrize(("query", "code"), [case[1:] for case in SEARCHES], ids=[case[0] for case in SEARCHES])
def test_a_search_that_cannot_be_is_explained(server, query, code):
    assert server.post(TRACES, content=BODY, headers=PROTOBUF).status_code == 200
    sql = query.pop("sql")
    answer = server.search(sql, **query)
    assert answer.status_code == 400 and answer.json()["code"] == code, answer.text
    assert len(answer.json()["message"]) > 10


def test_a_search_body_that_is_no_search_is_explained(server):
    for body in (b"", b"{", b"[]", b'{"query": {}}'):
        answer = server.post("/api/default/_search?type=traces", content=body, headers=JSON)
        assert answer.status_code == 400 and answer.json()["code"] == 400, (body, answer.text)
