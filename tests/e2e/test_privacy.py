"""What an organisation keeps of contents, set by API: above the operator's word, in force when it is answered."""

import json
import subprocess

import pytest

from rig.process import binary
from rig.server import ROOT_EMAIL, Server
from rig.spans import PROTOBUF, OneSpan, export

PROMPT = "please write to ann@example.org about project zeus"


def send(server: Server, org: str, prompt: str = PROMPT, stream: str = "default", **attributes: str) -> None:
    span = OneSpan(attributes={"openinference.span.kind": "LLM", "input.value": prompt, **attributes})
    answer = server.post(f"/api/{org}/v1/traces", content=export([span]).SerializeToString(), headers={**PROTOBUF, "stream-name": stream})
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"


def newest(server: Server, org: str, column: str = "llm_input", stream: str = "default"):
    """The column of the row that came last."""
    rows = server.rows(f'SELECT max({column}) AS x, max(_timestamp) AS t FROM "{stream}" GROUP BY span_id ORDER BY t DESC LIMIT 1', org)
    return rows[0].get("x")


def put(server: Server, org: str, setting: dict, path: str = "privacy", status: int = 200, **rest) -> dict:
    answer = server.request("PUT", f"/scope/v1/orgs/{org}/{path}", json=setting, **rest)
    assert answer.status_code in ({200, 201} if status == 200 else {status}), f"{answer.status_code} {answer.text}"
    return answer.json()


def test_a_setting_is_in_force_at_once_and_after_a_restart(serve, org):
    server = serve()
    send(server, org)
    assert newest(server, org) == PROMPT
    put(server, org, {"capture": "redacted", "rules": [{"name": "project", "pattern": "project [a-z]+"}]})
    send(server, org)
    assert newest(server, org) == "please write to [redacted:email] about [redacted:project]"
    put(server, org, {"capture": "none"}, "privacy/streams/Secret-Stream")
    send(server, org, stream="secret_stream")
    assert newest(server, org, stream="secret_stream") is None
    assert server.value('SELECT count(*) AS n FROM "secret_stream"', org) == 1
    other = f"{org}-2"
    send(server, other)
    assert newest(server, other) == PROMPT, "it is nobody else's"

    server.stop()
    server.start()
    told = server.get(f"/scope/v1/orgs/{org}/privacy").json()
    assert (told["capture"], told["changed_by"]) == ("redacted", ROOT_EMAIL)
    assert told["setting"] == {"capture": "redacted", "rules": [{"name": "project", "pattern": "project [a-z]+"}]}
    assert [(stream["stream"], stream["capture"]) for stream in told["streams"]] == [("secret_stream", "none")]
    assert told["operator"] == {"capture": "full", "rules": []}
    send(server, org)
    assert newest(server, org) == "please write to [redacted:email] about [redacted:project]"
    for path, status in (("privacy", 204), ("privacy", 404), ("privacy/streams/secret_stream", 204)):
        assert server.request("DELETE", f"/scope/v1/orgs/{org}/{path}").status_code == status, path
    send(server, org)
    assert newest(server, org) == PROMPT
    changes = [line for line in server.text().splitlines() if "audit: a privacy setting was" in line]
    assert len(changes) == 4 and all(ROOT_EMAIL in line and org in line for line in changes)
    assert "project [a-z]+" not in server.text(), "a pattern may be a secret itself"


def test_an_organisation_may_be_stricter_than_the_operator_and_never_laxer(serve, org):
    config = f'[privacy]\ncapture = "redacted"\nrule = [{{ name = "zeus", pattern = "zeus" }}]\nstream = [{{ org = "{org}", stream = "quiet", capture = "none" }}]\n'
    server = serve(config)
    send(server, org)
    told = put(server, org, {"capture": "full"})
    assert (told["floor"], told["capture"]) == ("redacted", "redacted")
    send(server, org)
    assert newest(server, org) == "please write to [redacted:email] about project [redacted:zeus]"
    told = put(server, org, {"capture": "full"}, "privacy/streams/quiet")
    assert (told["floor"], told["capture"]) == ("none", "none")
    send(server, org, stream="quiet")
    assert newest(server, org, stream="quiet") is None
    assert put(server, org, {"capture": "none"})["capture"] == "none"
    send(server, org)
    assert newest(server, org) is None


def test_a_bad_setting_is_told_and_changes_nothing(server, org):
    send(server, org)
    put(server, org, {"capture": "redacted"})
    cases = [
        ({"capture": "some"}, "redacted"),
        ({"capture": "none", "rule": []}, "rules"),
        ({"rules": [{"name": "ok", "pattern": "a"}, {"name": "bad-one", "pattern": "(a"}]}, "bad-one"),
        ({"rules": [{"name": "empty", "pattern": "a*"}]}, "empty"),
        ({"rules": [{"name": "Bad Name", "pattern": "a"}]}, "Bad Name"),
        ({"rules": [{"name": "huge", "pattern": "\\w{1000}{1000}"}]}, "huge"),
    ]
    for setting, named in cases:
        error = put(server, org, setting, status=400)["error"]
        assert error["code"] == "invalid" and named in error["message"], error
    assert put(server, org, {"rules": [{"name": f"r{n}", "pattern": "a"} for n in range(21)]}, status=409)["error"]["message"].count("20") == 1
    for body in (b"\xff{", b"[]", b'["none"]'):
        assert server.request("PUT", f"/scope/v1/orgs/{org}/privacy", content=body).status_code == 400, body
    assert server.get(f"/scope/v1/orgs/{org}/privacy").json()["setting"] == {"capture": "redacted", "rules": []}


def test_who_may_read_and_change_it(server, org):
    send(server, org)
    reader, admin = (f"Bearer {server.token(org, scopes)}" for scopes in (("read",), ("admin",)))
    assert server.get(f"/scope/v1/orgs/{org}/privacy", authorization=reader).status_code == 200
    put(server, org, {"capture": "none"}, status=403, authorization=reader)
    assert server.request("DELETE", f"/scope/v1/orgs/{org}/privacy", authorization=reader).status_code == 403
    assert server.get(f"/scope/v1/orgs/{org}/privacy", authorization=None).status_code == 401
    put(server, org, {"capture": "redacted"}, authorization=admin)


def test_the_box_shows_what_would_be_stored(server, org):
    send(server, org)

    def tried(**body) -> dict:
        answer = server.post(f"/scope/v1/orgs/{org}/privacy/test", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert tried(text=PROMPT)["stored"]["llm_input"] == PROMPT
    setting = {"capture": "redacted", "rules": [{"name": "project", "pattern": "project [a-z]+"}]}
    shown = tried(text=PROMPT, setting=setting)
    assert (shown["capture"], shown["redacted"]) == ("redacted", 2)
    # What the box shows is what is stored.
    put(server, org, setting)
    send(server, org)
    assert newest(server, org) == shown["stored"]["llm_input"]
    assert tried(text=PROMPT)["stored"]["llm_input"] == shown["stored"]["llm_input"]
    assert tried(text=PROMPT, setting={"capture": "none"})["stored"].get("llm_input") is None
    header = tried(key="http.request.headers", text='{"Authorization": "Bearer abc", "n": 1.50}')
    assert header["stored"]["http_request_headers"] == '{"Authorization": "[redacted:authorization]", "n": 1.50}'
    assert header["authorizations"] == 1
    answer = server.post(f"/scope/v1/orgs/{org}/privacy/test", json={"text": "x", "setting": {"rules": [{"name": "bad", "pattern": "("}]}})
    assert answer.status_code == 400 and '"bad"' in answer.json()["error"]["message"]


@pytest.mark.parametrize("capture", ["full", "redacted"])
def test_secrets_in_json_go_by_their_name_and_json_stays_json(serve, org, capture):
    server = serve(f'[privacy]\ncapture = "{capture}"\n')
    inner = json.dumps({"Authorization": "Bearer a.b-c", "note": 'say "hi"'})
    sent = json.dumps({"headers": {"X-Api-Key": "k", "n": 1}, "request": inner, "password": "pass word", "mail": "ann@example.org\n"})
    send(server, org, sent, **{"db.password": "plain"})
    left = json.loads(newest(server, org, "input_value"))
    assert left["headers"] == {"X-Api-Key": "[redacted:authorization]", "n": 1}
    assert json.loads(left["request"]) == {"Authorization": "[redacted:authorization]", "note": 'say "hi"'}
    strict = capture == "redacted"
    assert left["password"] == ("[redacted:secret]" if strict else "pass word")
    assert left["mail"] == ("[redacted:email]\n" if strict else "ann@example.org\n")
    assert newest(server, org, "db_password") == ("[redacted:secret]" if strict else "plain")


def test_check_config_names_file_and_line_of_a_bad_rule(tmp_path):
    path = tmp_path / "inferscope.toml"
    path.write_text('[privacy]\ncapture = "redacted"\n\n[[privacy.rule]]\nname = "project"\npattern = "(project"\n')
    ran = subprocess.run([binary(), "check-config", path], capture_output=True, text=True, timeout=60)
    said = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert str(path) in said and "line 4" in said and "project" in said and "unclosed group" in said, said
