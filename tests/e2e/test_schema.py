"""Schemas that grow: thousands of attributes, and one that changes its type. Nothing is lost, and all is asked by name."""

import json
import time

from test_questions import send, sql

from rig.server import Server
from rig.spans import OneSpan

SPANS = 100
ATTRIBUTES = 5_000


def wide(number: int) -> OneSpan:
    """The n-th span: 50 attributes that no other span has, each with its own number as its value."""
    each = ATTRIBUTES // SPANS
    names = range(number * each, (number + 1) * each)
    attributes = {f"wide.attribute_{name}": name for name in names}
    return OneSpan(attributes=attributes | {"span.number": number})


def timed(server: Server, org: str, text: str) -> tuple[dict, float]:
    started = time.monotonic()
    said = sql(server, org, text)
    took = time.monotonic() - started
    assert said.status_code == 200, said.text
    return said.json(), took


def test_five_thousand_attributes_are_kept_and_asked_by_name(server, org, capsys):
    narrow = [OneSpan(attributes={"span.number": number}) for number in range(SPANS)]
    started = time.monotonic()
    send(server, org, narrow, "narrow")
    narrow_took = time.monotonic() - started
    started = time.monotonic()
    for number in range(0, SPANS, 10):
        send(server, org, [wide(each) for each in range(number, number + 10)])
    wide_took = time.monotonic() - started

    schema = server.get(f"/api/{org}/streams/default/schema?type=traces").json()
    names = [column["name"] for column in schema["schema"]]
    assert len(names) == schema["total_fields"] == 1_000, "storage.most_columns"
    assert "wide_attribute_0" in names and "wide_attribute_4999" not in names
    assert {"name": "wide_attribute_0", "type": "Int64"} in schema["schema"]

    # Every value is in its column or in the overflow: the sum of 0 to 4,999 is hand-counted.
    rows = server.rows("select * from default", org, size=SPANS)
    found: dict[str, int] = {}
    for row in rows:
        inside = {key: value for key, value in row.items() if key.startswith("wide_attribute_")}
        beyond = json.loads(row.get("attributes_overflow", "{}"))
        assert len(inside) + len(beyond) == ATTRIBUTES // SPANS
        assert not inside.keys() & beyond.keys()
        found |= inside | beyond
    assert found == {f"wide_attribute_{name}": name for name in range(ATTRIBUTES)}

    times = {}
    for kind, name in (("early", 7), ("late", 4_990)):
        said, times[kind] = timed(server, org, f"select span_number as n, wide_attribute_{name} as a from default where wide_attribute_{name} = {name}")
        (row,) = said["rows"]
        assert (row["n"], int(row["a"])) == (name // 50, name), row
        assert said["unknown_columns"] == ([] if kind == "early" else [f"wide_attribute_{name}"])
    said, times["sum"] = timed(server, org, "select sum(wide_attribute_3) + sum(wide_attribute_4997) as s from default")
    assert said["rows"] == [{"s": 5_000.0}]
    values = server.get(f"/api/{org}/default/_values?fields=wide_attribute_4444&start_time=1&end_time={2**62}").json()
    assert values["hits"][0]["values"] == [{"zo_sql_key": "4444", "zo_sql_num": 1}]
    _, times["narrow"] = timed(server, org, "select count(*) as n from narrow where span_number = 7")
    _, times["count"] = timed(server, org, "select count(*) as n from default where span_number = 7")
    with capsys.disabled():
        each = {kind: f"{took * 1000:.0f} ms" for kind, took in times.items()}
        print(f"\ningest: {SPANS / narrow_took:.0f} narrow, {SPANS / wide_took:.0f} wide spans/s; queries: {each}")


def test_an_attribute_that_changes_its_type_is_kept_both_ways(server, org):
    """The column has the type that came first, and takes a text that is such a number; other values keep their type in
    attributes_overflow."""
    for value in (7, "seven", 7.5, True, "8"):
        send(server, org, [OneSpan(attributes={"retry.after": value})])
    rows = server.rows("select retry_after, attributes_overflow as rest from default order by _timestamp", org)
    assert [row.get("retry_after") for row in rows] == [7, None, None, None, 8]
    rest = [json.loads(row["rest"])["retry_after"] if "rest" in row else None for row in rows]
    assert rest == [None, "seven", 7.5, True, None]
    # As SQL sees them: the column by number, the rest by name.
    assert server.value("select count(*) as n from default where retry_after = '7'", org) == 1
    both = "coalesce(cast(retry_after as text), spath(attributes_overflow, 'retry_after'))"
    texts = server.rows(f"select {both} as v from default order by _timestamp", org)
    assert [row["v"] for row in texts] == ["7", "seven", "7.5", "true", "8"]
    assert server.value(f"select sum(try_cast({both} as double)) as s from default", org) == 7 + 7.5 + 8
    refused = server.search("select * from default where retry_after = 'seven'", org)
    assert refused.status_code == 400 and "'seven' is no number" in refused.json()["message"]
    for term, found in [("7", 1), ("seven", 1), ("7.5", 1), ("true", 1), ("8", 1), ("9", 0), ("*", 5), ("s_ven", 0)]:
        listed = server.get(f"/scope/v1/orgs/{org}/traces?q=retry_after:{term}&from_us=0&to_us={2**62}").json()
        assert len(listed["traces"]) == found, term
    without = server.get(f"/scope/v1/orgs/{org}/traces?q=-retry_after:seven&from_us=0&to_us={2**62}").json()
    assert len(without["traces"]) == 4
    # A pattern is one for the column, which holds numbers.
    refused = server.get(f"/scope/v1/orgs/{org}/traces?q=retry_after:sev*")
    assert refused.status_code == 400 and "is a number" in refused.text
