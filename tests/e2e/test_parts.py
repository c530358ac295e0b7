"""Binary parts of contents: stored once, given back as they came, and gone when no row names them any more."""

import base64
import hashlib
import json
import os
import time

import httpx
import pytest

from rig.chat import Caller
from rig.keeping import EAGER, erased, metric
from rig.server import Server
from rig.spans import JSON, PROTOBUF, OneSpan, export
from rig.waiting import wait_until

PNG = b"\x89PNG\r\n\x1a\n"


def picture(size: int = 40_000) -> bytes:
    """Something that begins like a picture, and is like no other."""
    return PNG + os.urandom(size)


def data_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def asked(*contents: bytes) -> dict[str, str]:
    """Attributes of a call that was shown pictures."""
    parts = [{"type": "image_url", "image_url": {"url": data_url(content)}} for content in contents]
    return {"openinference.span.kind": "LLM", "llm.model_name": "m", "input.value": json.dumps({"messages": [{"role": "user", "content": parts}]})}


def send(server: Server, org: str, *spans: OneSpan) -> None:
    answer = server.post(f"/api/{org}/v1/traces", content=export(list(spans)).SerializeToString(), headers=PROTOBUF)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"


def part(server: Server, org: str, content: bytes, **rest) -> httpx.Response:
    return server.get(f"/scope/v1/orgs/{org}/blobs/{hashlib.sha256(content).hexdigest()}", **rest)


def stored(server: Server, org: str) -> list[str]:
    """The files of the organisation's parts."""
    folder = server.data_dir / "parts" / org
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_picture_is_stored_once_and_comes_back_as_it_was(server, org):
    image = picture()
    sha256 = hashlib.sha256(image).hexdigest()
    # Twice in one call, again in the next turn, and again after all of that was stored.
    send(server, org, OneSpan(attributes=asked(image, image)), OneSpan(attributes=asked(image)))
    send(server, org, OneSpan(attributes=asked(image)))
    assert stored(server, org) == [sha256]
    rows = server.rows('SELECT stored_parts, input_value, llm_input, gen_ai_input_messages FROM "default"', org)
    assert len(rows) == 3
    for row in rows:
        assert row["stored_parts"] == f'["{sha256}"]'
        for column in ("input_value", "llm_input", "gen_ai_input_messages"):
            assert len(row[column]) < 1000 and row[column].count(sha256) >= 1, f"{column}: {row[column]:.500}"
    marker = json.loads(rows[0]["input_value"])["messages"][0]["content"][0]["image_url"]["url"]
    assert marker == {"omitted": True, "bytes": len(image), "sha256": sha256, "mime_type": "image/png", "stored": True}
    message = json.loads(rows[0]["gen_ai_input_messages"])[0]["parts"][0]
    assert (message["type"], message["mime_type"], message["sha256"], message["stored"]) == ("blob", "image/png", sha256, True)

    answer = part(server, org, image)
    assert (answer.status_code, answer.content) == (200, image)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-cache"
    again = part(server, org, image, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_only_who_may_read_the_organisation_gets_a_part(server, org):
    image = picture()
    send(server, org, OneSpan(attributes=asked(image)))
    other = f"{org}-2"
    send(server, other, OneSpan())
    assert part(server, other, image).status_code == 404, "it is not the other organisation's"
    assert part(server, org, image, authorization=None).status_code == 401
    for scopes, status in ((("read",), 200), (("ingest",), 403)):
        token = server.token(org, scopes)
        assert part(server, org, image, authorization=f"Bearer {token}").status_code == status, scopes
    stranger = server.token(other, ("read",))
    assert part(server, org, image, authorization=f"Bearer {stranger}").status_code in (403, 404)
    missing = part(server, org, b"never sent")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    for name in ("abc", "../../metadata.sqlite", "A" * 64, "%2e%2e%2fdefault"):
        answer = server.get(f"/scope/v1/orgs/{org}/blobs/{name}")
        assert answer.status_code in (400, 404), name
        assert "error" in answer.json()


def test_what_could_run_in_a_browser_is_only_given_for_download(server, org):
    page = b"<html><script>alert(1)</script>" + os.urandom(40_000)
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>" + os.urandom(40_000)
    urls = [data_url(page, "image/png"), data_url(drawing, "image/svg+xml")]
    send(server, org, OneSpan(attributes={"input.value": json.dumps(urls)}))
    for content in (page, drawing):
        answer = part(server, org, content)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_parts_of_log_events_and_of_gateway_calls_are_stored_too(server, simulators):
    heard, seen = b"RIFF\0\0\0\0WAVE" + os.urandom(40_000), picture()
    body = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": json.dumps([{"type": "input_audio", "input_audio": {"format": "wav", "data": base64.b64encode(heard).decode()}}])}}]}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "gen_ai.user.message", "body": body}]}]}]}
    answer = server.post("/api/default/v1/logs", json=logs)
    assert answer.status_code == 200, answer.text
    answer = part(server, "default", heard)
    assert (answer.content, answer.headers["content-type"]) == (heard, "audio/wav")

    content = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": data_url(seen)}}]
    answer = Caller(server).post({"model": "meta-llama/Llama-3.1-8B-Instruct", "messages": [{"role": "user", "content": content}]})
    assert answer.status_code == 200, answer.text
    wait_until(lambda: part(server, "default", seen).status_code == 200, "the call is recorded")
    assert part(server, "default", seen).content == seen


def test_limits_hold_and_the_marker_says_so(serve, org):
    server = serve("[storage]\npart_bytes = 50000\nparts_bytes = 90000\n")
    small, large, third = picture(45_000), picture(60_000), picture(46_000)
    send(server, org, OneSpan(attributes=asked(small, large)))
    send(server, org, OneSpan(attributes=asked(third)))
    rows = server.rows('SELECT input_value FROM "default" ORDER BY _timestamp', org)
    markers = [part["image_url"]["url"] for row in rows for part in json.loads(row["input_value"])["messages"][0]["content"]]
    told = {marker["sha256"]: (marker["stored"], marker.get("reason")) for marker in markers}
    expected = {small: (True, None), large: (False, "too_large"), third: (False, "no_room")}
    assert told == {hashlib.sha256(content).hexdigest(): what for content, what in expected.items()}
    assert part(server, org, large).status_code == 404
    for outcome in ("stored", "too_large", "no_room"):
        assert metric(server, "inferscope_binary_parts_met", outcome=outcome) == 1
    assert metric(server, "inferscope_binary_parts_bytes") == len(small)


@pytest.mark.parametrize("capture", ["redacted", "none"])
def test_where_contents_are_not_kept_in_full_no_part_is(serve, org, capture):
    server = serve(f'[privacy]\ncapture = "{capture}"\n')
    asked_about, other = picture(), picture()
    send(server, org, OneSpan(attributes={**asked(asked_about), "my.picture": data_url(other)}))
    assert server.value('SELECT count(*) AS n FROM "default" WHERE stored_parts IS NULL', org) == 1
    marker = json.loads(server.value('SELECT max(my_picture) AS picture FROM "default"', org))
    assert (marker["stored"], marker["reason"]) == (False, "not_captured")
    assert part(server, org, asked_about).status_code == part(server, org, other).status_code == 404
    assert stored(server, org) == []


def test_what_was_acknowledged_survives_a_kill_and_nothing_half_is_left(serve, org):
    server = serve()
    images = [picture() for _ in range(5)]
    for image in images:
        send(server, org, OneSpan(attributes=asked(image)))
    (server.data_dir / "parts" / ".unfinished" / "17").write_bytes(b"half of a part")
    server.kill()
    server.start()
    for image in images:
        assert part(server, org, image).content == image
    assert stored(server, org) == sorted(hashlib.sha256(image).hexdigest() for image in images)
    assert list((server.data_dir / "parts" / ".unfinished").iterdir()) == []
    send(server, org, OneSpan(attributes=asked(*images)))
    assert metric(server, "inferscope_binary_parts_met", outcome="known") == 5
    assert metric(server, "inferscope_binary_parts") == 5


def test_what_only_erased_rows_named_is_gone_and_what_others_name_stays(serve, org):
    server = serve(EAGER)
    mine, ours, others = picture(), picture(), picture()
    trace = os.urandom(16)
    send(server, org, OneSpan(trace_id=trace, attributes={**asked(mine, ours), "user.id": "alice"}), OneSpan(attributes=asked(ours, others)))
    other = f"{org}-2"
    send(server, other, OneSpan(attributes=asked(mine)))
    erased(server, org, "users/alice")
    wait_until(lambda: part(server, org, mine).status_code == 404, "the part is gone")
    assert part(server, org, ours).content == ours
    assert part(server, org, others).content == others
    assert part(server, other, mine).content == mine, "another organisation has its own"
    assert metric(server, "inferscope_binary_parts_met", outcome="removed") == 1
    holding = [path for path in server.data_dir.rglob("*") if path.is_file() and mine[8:64] in path.read_bytes()]
    assert holding == [server.data_dir / "parts" / other / hashlib.sha256(mine).hexdigest()]
    # And it can come again.
    send(server, org, OneSpan(attributes=asked(mine)))
    assert part(server, org, mine).content == mine


def test_parts_leave_with_the_days_of_their_rows(serve, org):
    server = serve(EAGER + "retention_days = 1\n")
    old, new = picture(), picture()
    day_ns = 86_400_000_000_000
    two_days_ago = OneSpan(attributes=asked(old))
    two_days_ago.start_ns -= 3 * day_ns
    send(server, org, OneSpan(attributes=asked(new)), two_days_ago)
    wait_until(lambda: part(server, org, old).status_code == 404, "the part has left")
    assert part(server, org, new).content == new


def test_the_ceiling_counts_parts_and_costs_no_more_days_than_it_must(serve, org):
    server = serve(EAGER + 'max_bytes = 14000000\nwhen_full = "drop-oldest"\n')
    days = [picture(4_000_000) for _ in range(4)]
    spans = [OneSpan(attributes=asked(content)) for content in days]
    for before, span in enumerate(spans):
        span.start_ns -= before * 86_400_000_000_000
    send(server, org, *spans)
    wait_until(lambda: part(server, org, days[3]).status_code == 404, "the oldest day's part has left")
    wait_until(lambda: metric(server, "inferscope_data_folder_full") == 0, "there is room")
    assert [part(server, org, content).status_code for content in days] == [200, 200, 200, 404]
    ages = "SELECT count(*) AS n FROM \"default\""
    answer = server.search(ages, org, start_time=0)
    assert answer.json()["hits"][0]["n"] == 3, answer.text


def test_a_part_that_no_row_ever_named_goes_at_the_next_start(serve, org):
    server = serve(EAGER)
    image, orphan = picture(), picture()
    send(server, org, OneSpan(attributes=asked(image)))
    server.kill()
    # As a crash leaves it between the part and the log.
    (server.data_dir / "parts" / org / hashlib.sha256(orphan).hexdigest()).write_bytes(orphan)
    server.start()
    wait_until(lambda: part(server, org, orphan).status_code == 404, "the part is gone")
    assert part(server, org, image).content == image


def test_a_disk_that_refuses_is_told_and_the_batch_can_be_sent_again(serve, org):
    server = serve()
    image = picture()
    folder = server.data_dir / "parts" / org
    folder.write_text("a file where a folder should be")
    span = OneSpan(attributes=asked(image))
    answer = server.post(f"/api/{org}/v1/traces", content=export([span]).SerializeToString(), headers=PROTOBUF)
    assert answer.status_code == 503 and "retry-after" in answer.headers, f"{answer.status_code} {answer.text}"
    assert str(server.data_dir) not in answer.text
    folder.unlink()
    send(server, org, span)
    assert part(server, org, image).content == image
    assert server.value('SELECT count(*) AS n FROM "default"', org) == 1


def test_a_body_with_base64_as_otlp_json_is_the_same(server, org):
    image = picture()
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in asked(image).items()]
    now = str(time.time_ns())
    span = {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": "x", "startTimeUnixNano": now, "endTimeUnixNano": now, "attributes": attributes}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    answer = server.post(f"/api/{org}/v1/traces", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 200, answer.text
    assert part(server, org, image).content == image
