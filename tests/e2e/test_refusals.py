"""Questions that cannot be answered: each answer says what is wrong, where, and what to do, in its route's dialect."""

import re

import pytest
from test_questions import call, native_span, send, span

from rig.server import HOUR_US, Server, now_us

# Words of the engine inside, which mean nothing to who wrote the SQL.
INSIDE = re.compile(
    r"datafusion|arrow(?!\.stream)|utf8|int64|int32|float64|datatype|sqlparser|sql parser|\?table\?|signature|coerc|internal error|"
    r"(?<!SQL )execution error:|planning|optimizer|UserDefined|Ident \{|i64|u64|usize|EOF|struct |enum |serde|deseriali|logical plan|bug report",
    re.IGNORECASE,
)

# SQL, OpenObserve's code, what the message says.
SQL = [
    ("", 20001, "exactly one statement"),
    ("-- nothing", 20001, "exactly one statement"),
    ("select", 20001, "expected an expression, found the end of the text"),
    ("selec 1", 20001, "found selec at line 1, column 1"),
    ("select * form default", 20001, "found default at line 1, column 15"),
    ("select\n  count(* from default", 20001, "line 2, column 11"),
    ("select 'abc from default", 20001, "line 1, column 8"),
    ("select 1; select 2", 20001, "exactly one statement"),
    ("select " + "(" * 200 + "1" + ")" * 200, 20001, "nest"),
    ("select " + " + ".join(["1"] * 5000), 20001, "at most 4096"),
    ("select '" + "x" * 300_000 + "'", 20001, "longer than 262144 bytes"),
    ("delete from default", 20001, "DELETE is not a SELECT"),
    ("show tables", 20001, "SHOW is not a SELECT"),
    ("explain select 1", 20001, "EXPLAIN is not a SELECT"),
    ("select * from default for update", 20001, "FOR UPDATE is not a SELECT"),
    ("select * from nowhere", 20002, "nowhere"),
    ("select * from logs.nowhere", 20002, "nowhere"),
    ("select * from other.default", 20001, "streams of other organizations"),
    ("select * from generate_series(1, 10)", 20001, "FROM takes streams"),
    ("select * from default tablesample (10)", 20001, "TABLESAMPLE is not built"),
    ("select x.y from default", 20004, "x.y"),
    ("select a.* from default b", 20001, "no alias is called a"),
    ("select * from (select duration from default) where service_name = 'x'", 20004, "service_name"),
    ("select duration from default a join default b on true", 20001, "write alias.duration"),
    ("select nofunc(duration) from default", 20005, "nofunc: docs/api.md"),
    ("select lenght(service_name) from default", 20005, "did you mean length?"),
    ("select row_number() from default", 20005, "OVER"),
    ("select repeat('a', 100)", 20005, "repeat"),
    ("select sum(service_name) from default", 20007, "sum(text)"),
    ("select avg(service_name) from default", 20007, "avg(text)"),
    ("select duration + service_name from default", 20007, "whole number + text"),
    ("select now() - 'x' from default", 20007, "time - text"),
    ("select * from default where duration", 20007, "compare it with something"),
    ("select * from default where service_name", 20007, "compare it with something"),
    ("select * from default where duration = 'abc'", 20007, "'abc' is no"),
    ("select * from default where duration > 'fast'", 20007, "'fast' is no"),
    ("select * from default where duration between 'a' and 'b'", 20007, "'a' is no"),
    ("select cast(service_name as int) from default", 20007, "try_cast"),
    ("select cast('x' as nosuchtype) from default", 20008, "there is no type nosuchtype"),
    ("select service_name, count(*) from default", 20001, "service_name in SELECT has to stand in GROUP BY"),
    ("select count(count(*)) from default", 20001, "subquery"),
    ("select * from default where count(*) > 1", 20001, "HAVING"),
    ("select 1 as a, 2 as a", 20001, "AS"),
    ("select * from default limit -1", 20001, "'-1'"),
    ("select * from default limit 'x'", 20001, "whole numbers, not a text"),
    ("select duration / 0 from default", 20008, "nullif"),
    ("select to_timestamp('yesterday') from default", 20008, "'yesterday' is no time"),
    ("select interval '1 parsec'", 20008, "1 parsec"),
    ("select date_trunc('fortnight', now()) from default", 20008, "fortnight"),
    ("select (select duration from default) from default", 20008, "LIMIT 1"),
    ("select * from default where duration in (select trace_id, span_id from default)", 20001, "one column"),
    ("select * from default union select duration from default", 20001, "as many columns"),
    ("select $1 from default", 20008, "no"),
    ("select duration.x from default", 20007, "spath"),
    ("select * from default where service_name like 5", 20007, "single quotes"),
    ("select histogram(service_name) from default", 20007, "argument 1 of histogram"),
    ("select histogram(_timestamp, '0 second') from default", 20013, "'1 minute'"),
    ("select histogram(_timestamp, '-1 minute') from default", 20013, "'1 minute'"),
    ("select histogram(_timestamp, '1000000 day') from default", 20013, "at most 3660 days"),
    ("select histogram(_timestamp, 60) from default", 20013, "60 is no interval"),
    ("select histogram() from default", 20013, "histogram(_timestamp, '1 minute')"),
    ("select histogram(_timestamp, '1 minute', 3) from default", 20013, "histogram(_timestamp, '1 minute')"),
    ("select approx_percentile_cont(duration, 2) from default", 20001, "between 0.0 and 1.0"),
    ("select approx_percentile_cont(service_name, 0.5) from default", 20007, "approx_percentile_cont(text"),
    ("select summary_percentile(duration, 1) from default", 20007, "three numbers"),
    ("select approx_topk(service_name, 0) from default", 20008, "1 to 1000"),
    ("select approx_topk(service_name) from default", 20007, "how many values"),
    ("select match_all() from default", 20001, "match_all('word')"),
    ("select * from default where match_all('')", 20008, "a word to look for"),
    ("select 1 from default a join default b on true where match_all('x')", 20003, "one stream"),
    ("select re_match(service_name) from default", 20007, "re_match takes 2 arguments, got 1"),
    ("select re_match(service_name, '(') from default", 20008, "unclosed group"),
    ("select service_name ~ '(' from default", 20008, "unclosed group"),
    ("select re_match(service_name, service_name) from default", 20008, "constant"),
    ("select date_format(_timestamp, '%Q') from default", 20008, "%Q"),
    ("select date_format(_timestamp, '%H', 'Mars/Base') from default", 20008, "Mars/Base"),
    ("select fuzzy_match(service_name, 'x', 99) from default", 20008, "0 to 8"),
    ("select time_range(_timestamp, 'x', 'y') from default", 20008, "argument 2 of time_range"),
    ("select string_agg(service_name) from default", 20007, "string_agg(text)"),
]


@pytest.fixture(scope="module")
def asked(server) -> str:
    """An organisation with 10 calls, for all of these."""
    org = "refusals"
    send(server, org, [call(number) for number in range(10)])
    return org


def said_well(message: str, says: str) -> None:
    assert says in message, message
    assert not INSIDE.search(message), message
    assert 20 <= len(message) <= 500 and "\n" not in message, message


@pytest.mark.parametrize(("sql", "code", "says"), SQL, ids=[sql[:50] for sql, _, _ in SQL])
def test_sql_is_refused_in_words_by_every_route(server, asked, sql, code, says):
    query = {"sql": sql, "start_time": now_us() - HOUR_US, "end_time": now_us() + HOUR_US, "size": 10}
    searched = server.post(f"/api/{asked}/_search?type=traces", json={"query": query})
    assert (searched.status_code, searched.json()["code"]) == (400, code), searched.text
    assert searched.headers["x-error-message"] == str(code)
    said_well(searched.json()["message"], says)

    native = server.post(f"/scope/v1/orgs/{asked}/sql", json={"sql": sql})
    assert native.status_code == 400 and native.json()["error"]["code"] == "invalid", native.text
    assert native.json()["error"]["message"] == searched.json()["message"]

    # As a status, or as the last event of a stream that has begun.
    streamed = server.post(f"/api/{asked}/_search_stream?type=traces", json={"query": query})
    assert streamed.status_code == 400 or "event: error" in streamed.text
    assert f'"code":{code}' in streamed.text


SEARCH = "/api/refusals/_search"
QUERY = {"sql": "select * from default", "start_time": 1, "end_time": 2}
RANGE = "start_time=1&end_time=2"

# Method, path, body, status, what the message says.
REQUESTS = [
    ("POST", SEARCH, b"", 400, "the body is no search request"),
    ("POST", SEARCH, b"{", 400, "line 1 column 1"),
    ("POST", SEARCH, {}, 400, "`query`"),
    ("POST", SEARCH, {"query": {"sql": "select 1"}}, 400, "`start_time`"),
    ("POST", SEARCH, {"query": QUERY | {"sql": 5}}, 400, "a string"),
    ("POST", SEARCH, {"query": QUERY | {"start_time": "a"}}, 400, "a whole number"),
    ("POST", SEARCH, {"query": QUERY | {"start_time": 3}}, 400, "start_time has to be before end_time"),
    ("POST", SEARCH, {"query": QUERY | {"size": -5}}, 400, "size -5 is negative"),
    ("POST", SEARCH, {"query": QUERY | {"from": -5}}, 400, "from -5 is negative"),
    ("POST", SEARCH, {"query": QUERY | {"size": 10**12}}, 400, "query.most_rows"),
    ("POST", SEARCH, {"query": QUERY | {"size": 10**30}}, 400, "a whole number"),
    ("POST", SEARCH, {"query": QUERY | {"histogram_interval": -1}}, 400, "histogram_interval -1"),
    ("POST", SEARCH, {"query": QUERY | {"histogram_interval": 10**12}}, 400, "histogram_interval"),
    ("POST", SEARCH, {"query": QUERY, "encoding": "rot13"}, 400, "rot13"),
    ("POST", SEARCH, {"query": QUERY | {"sql": "%%"}, "encoding": "base64"}, 400, "base64"),
    ("POST", SEARCH + "?type=spans", {"query": QUERY}, 400, "traces, logs or metrics"),
    ("POST", SEARCH, b" " * ((1 << 20) + 1), 413, "shorten its SQL"),
    ("GET", SEARCH, None, 405, "does not take GET"),
    ("GET", f"/api/refusals/default/_values?{RANGE}", None, 400, "fields has to name"),
    ("GET", "/api/refusals/default/_values?fields=a", None, 400, "start_time is empty"),
    ("GET", "/api/refusals/default/_values?fields=a&start_time=x&end_time=2", None, 400, "parameter start_time is no whole number"),
    ("GET", f"/api/refusals/default/_values?fields=a&{RANGE}&size=-4", None, 400, "size -4 is not 1 to 1000"),
    ("GET", f"/api/refusals/default/_values?fields=a&{RANGE}&size=1000000000000", None, 400, "1 to 1000"),
    ("GET", f"/api/refusals/default/_values?fields=a&{RANGE}&from=-1", None, 400, "from -1 is negative"),
    ("GET", f"/api/refusals/default/_values?fields=a&{RANGE}&no_count=maybe", None, 400, "no_count is neither true nor false"),
    ("GET", f"/api/refusals/default/_values?fields=a&{RANGE}&filter=((", None, 400, "found the end of the text"),
    ("GET", f"/api/refusals/default/_values?fields=a&{RANGE}&filter=duration", None, 400, "compare"),
    ("GET", f"/api/refusals/default/_values_stream?fields=a&{RANGE}&size=x", None, 400, "parameter size is no whole number"),
    ("POST", "/api/refusals/_values_stream", {"fields": ["a"]}, 400, "`stream_name`"),
    ("POST", "/api/refusals/_values_stream", {"stream_name": "default", "fields": 5}, 400, "names of columns"),
    ("POST", "/api/refusals/_values_stream", {"stream_name": "nowhere", "fields": "a", "start_time": 1, "end_time": 2}, 400, "nowhere"),
    ("GET", f"/api/refusals/default/traces/latest?{RANGE}&size=abc", None, 400, "parameter size is no whole number"),
    ("GET", f"/api/refusals/default/traces/latest?{RANGE}&size=1001", None, 400, "1 to 1000"),
    ("GET", f"/api/refusals/default/traces/latest?{RANGE}&from=-1", None, 400, "from -1 is negative"),
    ("GET", f"/api/refusals/default/traces/latest?{RANGE}&sort_by=name", None, 400, "start_time or duration"),
    ("GET", f"/api/refusals/default/traces/latest?{RANGE}&filter=duration", None, 400, "compare it with something"),
    ("GET", f"/api/refusals/default/traces/session/details?{RANGE}", None, 400, "session_id is empty"),
    ("GET", "/api/refusals/default/traces/zz/details", None, 400, "32 hex digits"),
    ("GET", "/api/refusals/default/traces/time_range", None, 400, "trace_id or session_id"),
    ("GET", "/api/refusals/default/traces/time_range?trace_id=00", None, 404, "Trace not found"),
    ("GET", "/api/refusals/streams?sort=colour", None, 400, "doc_num"),
    ("GET", "/api/refusals/streams?limit=-1", None, 400, "limit -1 is negative"),
    ("GET", "/api/refusals/streams?fetchSchema=5", None, 400, "neither true nor false"),
    ("POST", "/api/refusals/streams", {}, 405, "made by the first record"),
    ("DELETE", "/api/refusals/streams/default?type=traces", None, 404, "/scope/v1/orgs/refusals/traces/"),
    ("PUT", "/api/refusals/streams/default/settings", {}, 404, "no settings of their own"),
    ("GET", "/api/refusals/passcode", None, 404, "/scope/v1/orgs/refusals/tokens"),
    ("GET", "/api/refusals/prometheus/api/v1/query?query=up", None, 404, "PromQL"),
    ("POST", "/api/refusals/prometheus/api/v1/write", b"", 404, "/api/refusals/v1/metrics"),
    ("GET", "/api/refusals/llm/models", None, 404, "/scope/v1/orgs/refusals/prices"),
    ("GET", "/api/refusals/nothing", None, 404, "there is no route GET /api/refusals/nothing"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "says"), REQUESTS, ids=[f"{case[0]} {case[1][-60:]}-{case[4]}" for case in REQUESTS])
def test_a_request_is_refused_in_openobserve_s_form(server, asked, method, path, body, status, says):
    sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    answer = server.request(method, path, **sent)
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["code"] in (status, 20001, 20002, 20007, 20011), said
    assert says in said["message"], said["message"]
    assert not INSIDE.search(said["message"]), said["message"]
    if status == 405:
        assert answer.headers["allow"]


NATIVE = [
    ("POST", "/scope/v1/orgs/refusals/sql", b"", {}, 400, "no SQL request"),
    ("POST", "/scope/v1/orgs/refusals/sql", {}, {}, 400, "`sql`"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1", "until": 5}, {}, 400, "`until`"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1", "from_us": 5, "to_us": 1}, {}, 400, "from_us has to be before to_us"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1", "from_us": "noon"}, {}, 400, "a whole number"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1", "kind": "spans"}, {}, 400, "traces, logs or metrics"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1"}, {"accept": "image/png"}, 400, "text/csv"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1"}, {"accept": "text/csv;q=0"}, 400, "text/csv"),
    ("POST", "/scope/v1/orgs/refusals/sql", {"sql": "select 1"}, {"accept": "text/csv;q=high"}, 400, "0 to 1"),
    ("POST", "/scope/v1/orgs/refusals/sql", b" " * ((1 << 20) + 1), {}, 413, "shorten its SQL"),
    ("GET", "/scope/v1/orgs/refusals/sql", None, {}, 405, "does not take GET"),
    ("GET", "/scope/v1/nothing", None, {}, 404, "no route GET /scope/v1/nothing"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "says"), NATIVE, ids=[f"{case[0]} {case[5]}" for case in NATIVE])
def test_a_request_is_refused_in_our_own_form(server, asked, method, path, body, headers, status, says):
    sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    answer = server.request(method, path, headers=headers, **sent)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert says in error["message"] and not INSIDE.search(error["message"]), error
    assert error["code"] in ("invalid", "too_large", "not_found", "wrong_method") and error["request_id"]


def test_what_is_odd_and_means_something_is_answered(server, asked):
    """Sizes of 0 and -1, and limits beyond all rows, have a meaning that docs/api.md states."""
    for size in (0, -1):
        assert len(server.rows("select span_id from default", asked, size=size)) == 10
        assert len(server.rows("select span_id from default limit 3", asked, size=size)) == 3
        said = server.get(f"/api/{asked}/default/traces/latest?{span()}&size={size}").json()
        assert (said["size"], len(said["hits"])) == (10, 10)
    assert server.rows("select span_id from default limit 0", asked) == []
    assert len(server.rows(f"select span_id from default limit {10**12}", asked, size=-1)) == 10
    listed = server.get(f"/scope/v1/orgs/{asked}/traces?{native_span()}")
    assert listed.status_code == 200
