"""JSON logs over OpenObserve's and Elasticsearch's routes: rows of log streams, bad records named by their place."""

import gzip
import json
import time

import pytest

from rig.keeping import metric
from rig.server import HOUR_US, Server, now_us


def rows(server: Server, org: str, stream: str, columns: str = "*") -> list[dict]:
    query = {"sql": f'SELECT {columns} FROM "{stream}"', "start_time": now_us() - HOUR_US, "end_time": now_us() + HOUR_US, "from": 0, "size": 1000}
    answer = server.post(f"/api/{org}/_search?type=logs", json={"query": query})
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()["hits"]


def taken(server: Server, path: str, body: bytes | str, **headers: str) -> dict:
    answer = server.post(path, content=body, headers=headers)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()


def test_an_array_becomes_rows_and_bad_records_are_named_by_their_place(server, org):
    now = now_us()
    records = [
        {"_timestamp": now, "level": "info", "log": "started", "kubernetes": {"pod": {"name": "p-1"}}, "ms": 1.5, "tags": ["a", "b"]},
        "no record",
        {"_timestamp": now // 1000, "body": "in milliseconds", "severity": "WARN", "service_name": "shop", "trace_id": "ab" * 16},
        {"_timestamp": "yesterday"},
        {"_timestamp": 1_000_000_000, "log": "in 2001"},
        {"log": "without a time"},
    ]
    answer = taken(server, f"/api/{org}/My.App/_json", json.dumps(records))
    status = answer["status"][0]
    assert answer["code"] == 200
    assert (status["name"], status["successful"], status["failed"]) == ("my_app", 3, 3)
    assert status["error"] == "the record is no JSON object"
    assert [error["index"] for error in status["errors"]] == [1, 3, 4]
    assert "RFC 3339" in status["errors"][1]["error"] and "days old" in status["errors"][2]["error"]
    stored = {row.get("log") or row.get("body"): row for row in rows(server, org, "my_app")}
    assert set(stored) == {"started", "in milliseconds", "without a time"}
    first, second = stored["started"], stored["in milliseconds"]
    assert (first["_timestamp"], first["level"], first["kubernetes_pod_name"], first["ms"], first["tags"]) == (now, "info", "p-1", 1.5, '["a","b"]')
    assert (second["_timestamp"], second["severity"], second["service_name"], second["trace_id"]) == (now // 1000 * 1000, "WARN", "shop", "ab" * 16)
    assert abs(stored["without a time"]["_timestamp"] - now) < 60_000_000


def test_lines_and_a_single_object_and_compressed_bodies(server, org):
    lines = "\n".join(json.dumps({"n": n}) for n in range(3)) + "\n{\"n\": \n"
    status = taken(server, f"/api/{org}/lines/_multi", lines)["status"][0]
    assert (status["successful"], status["failed"]) == (3, 1)
    assert status["errors"][0]["index"] == 3 and status["errors"][0]["error"].startswith("line 4: ")
    single = gzip.compress(b'{"n": 7}')
    assert taken(server, f"/api/{org}/lines/_json", single, **{"content-encoding": "gzip"})["status"][0]["successful"] == 1
    assert sorted(row["n"] for row in rows(server, org, "lines")) == [0, 1, 2, 7]


def test_a_bulk_request_goes_to_its_streams_and_each_record_has_its_answer(server, org):
    body = "\n".join(
        json.dumps(line)
        for line in [
            {"index": {"_index": "one", "_id": "first"}},
            {"message": "a"},
            {"create": {"_index": "two"}},
            {"@timestamp": "2001-01-01T00:00:00Z", "message": "old"},
            {"create": {"_index": "two"}},
            {"message": "b"},
            {"delete": {"_index": "one", "_id": "first"}},
            {"index": {}},
            {"message": "c"},
        ]
    )
    answer = taken(server, f"/api/{org}/_bulk", body + "\n", **{"content-type": "application/x-ndjson"})
    assert answer["errors"] is True and isinstance(answer["took"], int)
    items = [next(iter(item.items())) for item in answer["items"]]
    assert [(action, item["_index"], item["status"]) for action, item in items] == [
        ("index", "one", 200),
        ("create", "two", 400),
        ("create", "two", 200),
        ("delete", "one", 400),
        ("index", None, 400),
    ]
    assert items[0][1]["_id"] == "first" and items[0][1]["result"] == "created"
    assert "days old" in items[1][1]["error"]["reason"] and "names no stream" in items[4][1]["error"]["reason"]
    assert [row["message"] for row in rows(server, org, "one")] == ["a"]
    assert [row["message"] for row in rows(server, org, "two")] == ["b"]


def test_bodies_that_cannot_be_taken_apart_are_refused_whole(server, org):
    taken(server, f"/api/{org}/s/_json", "[]")
    for path, body, said in [
        ("s/_json", b"[{", "EOF"),
        ("s/_json", b"7", "array of records"),
        ("s/_json", b"\xff", "UTF-8"),
        ("_bulk", b'{"message":"a"}\n', "line 1"),
    ]:
        answer = server.post(f"/api/{org}/{path}", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 400) and said in answer.json()["message"], answer.text
    answer = server.post(f"/api/{org}/s/_json", content=gzip.compress(b" " * 5_000_000), headers={"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert server.post(f"/api/{org}/s/_json", content=b"[]", authorization=None).status_code == 401
    reader = server.token(org, ("read",))
    assert server.post(f"/api/{org}/s/_json", content=b"[]", authorization=f"Bearer {reader}").status_code == 403


def test_limits_are_the_configuration_s(serve, org):
    server = serve("[ingest]\njson_records = 2\njson_record_bytes = 100\nattributes_per_span = 3\n[storage]\nmost_streams = 1\n")
    answer = server.post(f"/api/{org}/s/_json", content=json.dumps([{"n": n} for n in range(3)]))
    assert answer.status_code == 413 and "more than 2 records" in answer.text
    status = taken(server, f"/api/{org}/s/_json", json.dumps([{"log": "x" * 100}, {"a": 1, "b": 2, "c": 3, "d": 4}]))["status"][0]
    assert [error["error"] for error in status["errors"]] == ["the record is longer than 100 bytes", "the record has more than 3 fields"]
    taken(server, f"/api/{org}/s/_json", '{"n": 1}')
    body = '{"index":{"_index":"s"}}\n{"n":2}\n{"index":{"_index":"t"}}\n{"n":3}\n'
    items = taken(server, f"/api/{org}/_bulk", body)["items"]
    assert [item["index"]["status"] for item in items] == [200, 400]
    assert "storage.most_streams" in items[1]["index"]["error"]["reason"]


def test_secrets_are_taken_out_and_the_books_balance(serve, org):
    server = serve('[privacy]\ncapture = "redacted"\n')
    records = [{"log": "mail to ann@example.org", "password": "p"}, {"headers": {"Authorization": "Bearer x"}}, {"_timestamp": -5}]
    taken(server, f"/api/{org}/s/_json", json.dumps(records))
    first, second = sorted(rows(server, org, "s"), key=lambda row: "log" not in row)
    assert (first["log"], first["password"]) == ("mail to [redacted:email]", "[redacted:secret]")
    assert second["headers_authorization"] == "[redacted:authorization]"
    for outcome, count in (("received", 3), ("stored", 2), ("rejected", 1), ("failed", 0)):
        assert metric(server, "inferscope_ingest_records", signal="logs", outcome=outcome) == count
    assert metric(server, "inferscope_ingest_rejected", signal="logs", reason="malformed") == 1


def test_what_was_acknowledged_survives_a_kill(serve, org):
    server = serve()
    for n in range(20):
        taken(server, f"/api/{org}/s/_json", json.dumps([{"n": n, "_timestamp": now_us()}]))
    server.kill()
    server.start()
    assert sorted(row["n"] for row in rows(server, org, "s")) == list(range(20))


@pytest.mark.parametrize("records", [1, 2_000])
def test_large_and_small_bodies_are_visible_when_they_are_acknowledged(server, org, records):
    now = time.time_ns()
    body = "\n".join(json.dumps({"_timestamp": now + n, "n": n, "log": "x" * 100}) for n in range(records))
    assert taken(server, f"/api/{org}/many/_multi", body)["status"][0]["successful"] == records
    assert rows(server, org, "many", "count(*) AS n, sum(n) AS sum, min(_timestamp) AS _timestamp")[0]["n"] == records
