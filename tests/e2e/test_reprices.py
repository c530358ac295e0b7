"""Past calls priced again: seen first, done over a kill, listed with who did it, and undone to the letter."""

import os
import time

import duckdb
import httpx
import polars
import pytest

from rig.server import HOUR_US, ROOT_LOGIN, Server, now_us
from rig.spans import OneSpan
from rig.waiting import wait_until
from test_prices import LLAMA, SEED, prices, put, stored
from test_upkeep import erased, flushed, metric, traces
from test_upkeep import send as send_spans

BARE = {"openinference.span.kind": "LLM", "llm.token_count.prompt": 10, "llm.token_count.completion": 20}
HOUSE = {**BARE, "llm.model_name": "house-model"}
# 10 · 100 + 20 · 300 US dollars a million.
HOUSE_ROW = {"id": "house-model", "input": 100, "output": 300}
HOUSE_USD = 0.007
SHIPPED_USD = 0.0000073
QUICK = "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.2\nmerge_at = 4\nhistory_minutes = 0.1\n[query]\ntimeout_s = 2\nstream_timeout_s = 2\n"


def wanted(**more) -> dict:
    return {"from_us": now_us() - HOUR_US, "to_us": now_us() + HOUR_US, **more}


def preview(server: Server, org: str, **more) -> dict:
    answer = server.post(prices(org, "/reprice"), json=wanted(preview=True, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


def start(server: Server, org: str, **more) -> dict:
    """Looks at a preview and begins."""
    body = wanted(**more)
    book = server.post(prices(org, "/reprice"), json={**body, "preview": True}).json()["book"]
    answer = server.post(prices(org, "/reprice"), json={**body, "preview": False, "book": book})
    assert answer.status_code == 202, answer.text
    assert server.get(answer.headers["location"]).json()["id"] == answer.json()["id"]
    return answer.json()


def job(server: Server, org: str, which: str) -> dict:
    answer = server.get(prices(org, f"/reprices/{which}"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(server: Server, org: str, which: str, state: str = "done") -> dict:
    last = wait_until(lambda: (found := job(server, org, which))["ended_us"] and found, "the job ends", within=120)
    assert last["state"] == state, last
    return last


def undo(server: Server, org: str, which: str) -> dict:
    answer = server.post(prices(org, f"/reprices/{which}/undo"))
    assert answer.status_code == 202, answer.text
    return ended(server, org, answer.json()["id"])


def refused(server: Server, org: str, path: str, **body) -> str:
    """What a conflict says."""
    answer = server.post(prices(org, path), json=body)
    assert answer.status_code == 409, f"{answer.status_code} {answer.text}"
    return answer.json()["error"]["message"]


def house_call(**more) -> OneSpan:
    return OneSpan(attributes=HOUSE, **more)


def cost(server: Server, org: str):
    return server.value('SELECT sum(llm_usage_cost_total) AS usd FROM "default"', org)


def table(folder) -> list[dict]:
    """All rows as another engine reads them, null left out, in an order of their own."""
    rows = polars.read_delta(str(folder)).to_dicts()
    rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return sorted(rows, key=lambda row: (row["trace_id"], row["span_id"]))


def test_a_preview_tells_sums_and_changes_nothing(serve, org):
    server = serve(QUICK)
    send_spans(server, org, [OneSpan(attributes=SEED), *[house_call() for _ in range(3)], OneSpan(name="no call")])
    wrapper = OneSpan(attributes={**HOUSE, "llm.cost.total": 0.25})
    send_spans(server, org, [wrapper])
    before = server.rows('SELECT * FROM "default" ORDER BY span_id', org)
    assert put(server, org, "house", HOUSE_ROW).status_code == 201
    said = preview(server, org)
    assert (said["calls"], said["changes"]) == (5, 4), "three without a price, and the reported one has a price beside it"
    assert said["before"].pop("cost_usd") == pytest.approx(SHIPPED_USD + 0.25, abs=1e-15)
    assert said["before"] == {
        "priced": {"calls": 1, "usd": SHIPPED_USD},
        "free": {"calls": 0},
        "reported": {"calls": 1, "usd": 0.25},
        "estimated": {"calls": 0, "median_usd": None},
        "unpriced": {"calls": 3, "reasons": {"not_in_book": 3}},
    }
    assert said["after"]["priced"] == {"calls": 4, "usd": pytest.approx(SHIPPED_USD + 3 * HOUSE_USD, abs=1e-15)}
    assert said["after"]["reported"] == {"calls": 1, "usd": 0.25} and said["after"]["unpriced"] == {"calls": 0, "reasons": {}}
    models = {model["model"]: model for model in said["models"]}
    assert set(models) == {LLAMA, "house-model"}
    assert (models["house-model"]["calls"], models["house-model"]["changes"]) == (4, 4)
    assert (models["house-model"]["before_usd"], models["house-model"]["before_without_cost"]) == (0.25, 3)
    assert (models["house-model"]["after_usd"], models["house-model"]["after_without_cost"]) == (pytest.approx(0.25 + 3 * HOUSE_USD), 0)
    assert (models[LLAMA]["before_usd"], models[LLAMA]["changes"]) == (SHIPPED_USD, 0)
    assert {row["price_row"]: row["calls"] for row in said["price_rows"]} == {"org:house": 4, "shipped:cerebras/llama-3.1-8b": 1}
    assert server.rows('SELECT * FROM "default" ORDER BY span_id', org) == before
    assert server.get(prices(org, "/reprices")).json()["reprices"] == [], "it is no job"
    assert preview(server, org, model=LLAMA)["calls"] == 1 and preview(server, org, model="nosuch")["calls"] == 0
    assert preview(server, org, endpoint="nosuch")["before"]["cost_usd"] is None, "the sum of nothing is null"


def test_a_range_is_priced_again_and_back_over_restarts_and_merges(serve, org, delta_table):
    server = serve(QUICK)
    for batch in range(3):
        send_spans(server, org, [OneSpan(attributes={**SEED, "batch": batch, f"only.in.{batch}": "x"}), house_call(), OneSpan(name="no call")])
        wait_until(lambda: flushed(server, org, 3 * (batch + 1)), "the batch is a file")
    send_spans(server, org, [OneSpan(name="only plain", attributes={"plain": True})])
    wait_until(lambda: flushed(server, org, 10), "the batch is a file")
    folder = delta_table(server, org)
    before, by_sql = table(folder), server.rows('SELECT * FROM "default" ORDER BY span_id', org)
    assert cost(server, org) == pytest.approx(3 * SHIPPED_USD)
    put(server, org, "house", HOUSE_ROW)
    put(server, org, "free", {"id": "llama3.1-8b", "provider": "cerebras", "input": 0, "output": 0})
    begun = start(server, org)
    done = ended(server, org, begun["id"])
    assert done["changed"]["calls"] == 6 and done["files"]["done"] == done["files"]["all"] and done["files"]["left_alone"] == 0
    assert (done["changed"]["before"]["cost_usd"], done["changed"]["after"]["cost_usd"]) == (pytest.approx(3 * SHIPPED_USD), pytest.approx(3 * HOUSE_USD))
    assert (done["changed"]["before"]["unpriced"]["reasons"], done["changed"]["after"]["free"]) == ({"not_in_book": 3}, {"calls": 3})
    assert (done["kind"], done["asked_by"], done["book"], done["undo_possible"]) == ("reprice", "root@example.com", begun["book"], True)
    assert cost(server, org) == pytest.approx(3 * HOUSE_USD), "free is 0"
    rows = {row["operation_name"] for row in server.rows("SELECT * FROM \"default\" WHERE llm_cost_unpriced_reason IS NOT NULL", org)}
    assert rows == set(), "no reason is left"
    changed = table(folder)
    costs = ("llm_usage_cost", "llm_cost_", "llm_price_row", "gen_ai_usage_cost")
    rest = [{name: value for name, value in row.items() if not name.startswith(costs)} for row in changed]
    assert rest == [{name: value for name, value in row.items() if not name.startswith(costs)} for row in before]
    assert metric(server, "inferscope_upkeep_rows_revised") == 6 and metric(server, "inferscope_upkeep_failures", step="revise") == 0

    server.kill()
    server.start()
    assert table(folder) == changed
    send_spans(server, org, [OneSpan(name="late", attributes=HOUSE)])
    assert stored(server, org, "late")["llm_usage_cost_total"] == HOUSE_USD
    wait_until(lambda: traces(server, org)["files"] < 4, "the files are merged")
    undone = undo(server, org, begun["id"])
    assert (undone["kind"], undone["undoes"], undone["changed"]["calls"]) == ("undo", begun["id"], 6)
    assert undone["changed"]["after"]["cost_usd"] == pytest.approx(3 * SHIPPED_USD)
    wait_until(lambda: flushed(server, org, 11), "the late one is a file")
    assert [row for row in table(folder) if row["operation_name"] != "late"] == before
    assert server.rows("SELECT * FROM \"default\" WHERE operation_name <> 'late' ORDER BY span_id", org) == by_sql
    assert stored(server, org, "late")["llm_usage_cost_total"] == HOUSE_USD, "it was not priced again"

    server.stop()
    server.start()
    listed = server.get(prices(org, "/reprices")).json()["reprices"]
    assert [entry["id"] for entry in listed] == [undone["id"], begun["id"]]
    assert listed[1]["undone_by"] == undone["id"] and listed[1]["undo_possible"] is False
    assert "undone before" in refused(server, org, f"/reprices/{begun['id']}/undo")
    assert "is an undo itself" in refused(server, org, f"/reprices/{undone['id']}/undo")
    assert server.get(prices(org, "/reprices?limit=1")).json()["reprices"] == listed[:1]
    too_many = server.get(prices(org, "/reprices?limit=1001"))
    assert too_many.status_code == 400 and "from 1 to 1000" in too_many.text


def test_an_undo_waits_for_those_that_came_later(serve, org):
    server = serve(QUICK)
    send_spans(server, org, [house_call(), OneSpan(attributes=SEED)])
    ids = []
    for price in (100, 200):
        put(server, org, "house", {"id": "house-model", "input": price, "output": 0})
        ids.append(ended(server, org, start(server, org)["id"])["id"])
    put(server, org, "llama", {"id": "llama3.1-8b", "input": 0, "output": 0})
    elsewhere = start(server, org, endpoint="nosuch")
    assert ended(server, org, elsewhere["id"])["changed"]["calls"] == 0
    assert "changed nothing" in refused(server, org, f"/reprices/{elsewhere['id']}/undo")
    assert ids[1] in refused(server, org, f"/reprices/{ids[0]}/undo")
    assert cost(server, org) == pytest.approx(0.002 + SHIPPED_USD)
    undo(server, org, ids[1])
    assert cost(server, org) == pytest.approx(0.001 + SHIPPED_USD)
    undo(server, org, ids[0])
    assert cost(server, org) == SHIPPED_USD


def test_what_is_erased_in_between_does_not_come_back(serve, org):
    server = serve(QUICK)
    gone = os.urandom(16)
    send_spans(server, org, [house_call(trace_id=gone), house_call()])
    put(server, org, "house", HOUSE_ROW)
    begun = ended(server, org, start(server, org)["id"])
    kept = list((server.data_dir / "lake" / "_revisions" / org / begun["id"]).glob("*.parquet"))
    assert sum(len(duckdb.sql(f"SELECT * FROM read_parquet({str(path)!r})").fetchall()) for path in kept) == 2
    assert erased(server, org, f"traces/{gone.hex()}")["rows"] == 1
    left = [row for path in kept if path.exists() for row in duckdb.sql(f"SELECT trace_id FROM read_parquet({str(path)!r})").fetchall()]
    assert len(left) == 1 and left[0] != (gone.hex(),), "nor is what it cost before"
    assert undo(server, org, begun["id"])["changed"]["calls"] == 1
    (row,) = server.rows('SELECT * FROM "default"', org)
    assert "llm_usage_cost_total" not in row and row["llm_cost_unpriced_reason"] == "not_in_book"
    wait_until(lambda: not kept[0].parent.exists(), "the former values are let go")


# So slow that a job takes many seconds: what it leaves half done has to be met there.
SLOW = "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.2\nmerge_at = 1000\nupkeep_bytes_per_s = 60000\n"


def many_files(server: Server, org: str, count: int = 6) -> None:
    for batch in range(count):
        calls = [OneSpan(attributes={**HOUSE, "filler": os.urandom(2000).hex()}) for _ in range(3)]
        send_spans(server, org, calls)
        wait_until(lambda: flushed(server, org, 3 * (batch + 1)), "the batch is a file")


def under_way(server: Server, org: str, which: str) -> dict:
    """The job when some of its files are done and others are not."""
    def some(found: dict) -> bool:
        return found["state"] == "running" and 0 < found["changed"]["calls"] < 18
    return wait_until(lambda: (found := job(server, org, which)) and some(found) and found, "the job is half done", within=120)


def half_done(serve, org: str) -> tuple[Server, dict]:
    """A server with a job that is."""
    server = serve(SLOW)
    many_files(server, org)
    put(server, org, "house", HOUSE_ROW)
    begun = start(server, org)
    under_way(server, org, begun["id"])
    return server, begun


def test_a_job_that_is_killed_goes_on_and_counts_each_call_once(serve, org):
    server, begun = half_done(serve, org)
    assert begun["id"] in refused_put(server, org), "the prices stay as they are"
    assert begun["id"] in refused(server, org, "/reprice", **wanted(preview=False, book=begun["book"]))
    server.kill()
    server.start()
    assert begun["id"] in refused_put(server, org), "also after a restart"
    done = ended(server, org, begun["id"])
    assert (done["changed"]["calls"], done["changed"]["after"]["cost_usd"]) == (18, pytest.approx(18 * HOUSE_USD))
    assert cost(server, org) == pytest.approx(18 * HOUSE_USD)
    assert put(server, org, "more", {"id": "other", "input": 1, "output": 1}).status_code == 201
    undone = server.post(prices(org, f"/reprices/{begun['id']}/undo")).json()
    under_way(server, org, undone["id"])
    server.kill()
    server.start()
    assert ended(server, org, undone["id"])["changed"]["calls"] == 18
    assert cost(server, org) is None, "unpriced is null again"


@pytest.mark.parametrize("place", ["revise-written:1", "revise-written:2", "revise-committed:2", "revise-committed:3"])
def test_a_crash_at_a_step_neither_loses_nor_repeats_it(serve, org, delta_table, place):
    server = serve(QUICK.replace("merge_at = 4", "merge_at = 1000"))
    many_files(server, org, 3)
    before = table(delta_table(server, org))
    put(server, org, "house", HOUSE_ROW)
    crash_on_the_way(server, place, lambda: start(server, org))
    (begun,) = server.get(prices(org, "/reprices")).json()["reprices"]
    done = ended(server, org, begun["id"])
    assert (done["changed"]["calls"], done["changed"]["after"]["cost_usd"]) == (9, pytest.approx(9 * HOUSE_USD))
    assert cost(server, org) == pytest.approx(9 * HOUSE_USD)
    crash_on_the_way(server, place, lambda: server.post(prices(org, f"/reprices/{begun['id']}/undo")))
    undone = server.get(prices(org, "/reprices")).json()["reprices"][0]
    assert ended(server, org, undone["id"])["changed"]["calls"] == 9
    assert table(delta_table(server, org)) == before


def crash_on_the_way(server: Server, place: str, begin) -> None:
    """Begins a job, dies at a place on its way, and starts again."""
    server.stop()
    server.environment = ROOT_LOGIN | {"INFERSCOPE_CRASH_AT": place}
    server.start()
    try:
        begin()
    except httpx.TransportError:
        # It may die before it has answered.
        pass
    assert server.process.wait(60) == -6, server.tail()
    assert f"crash point {place.split(':')[0]}" in server.text()
    server.environment = ROOT_LOGIN
    server.start()


def refused_put(server: Server, org: str) -> str:
    answer = put(server, org, "house", {"id": "house-model", "input": 1, "output": 1})
    assert answer.status_code == 409, answer.text
    return answer.json()["error"]["message"]


def test_a_job_that_is_cancelled_stops_and_what_it_did_can_be_undone(serve, org):
    server, begun = half_done(serve, org)
    answer = server.post(prices(org, f"/reprices/{begun['id']}/cancel"))
    assert answer.status_code == 202, answer.text
    last = ended(server, org, begun["id"], "cancelled")
    assert last["cancelled_by"] == "root@example.com" and 0 < last["changed"]["calls"] < 18
    assert cost(server, org) == pytest.approx(last["changed"]["calls"] * HOUSE_USD)
    assert "ended already" in refused(server, org, f"/reprices/{begun['id']}/cancel")
    assert undo(server, org, begun["id"])["changed"]["calls"] == last["changed"]["calls"]
    assert cost(server, org) is None


def test_a_job_does_not_go_on_with_another_book(serve, org):
    server, begun = half_done(serve, org)
    server.kill()
    config = server.data_dir.parent / "inferscope.toml"
    config.write_text(config.read_text() + '[[prices.row]]\nid = "another"\ninput = 1\noutput = 1\n')
    server.start()
    last = ended(server, org, begun["id"], "failed")
    assert "started with other prices" in last["error"] and last["undo_possible"]
    undo(server, org, begun["id"])
    assert cost(server, org) is None


def test_former_values_are_kept_as_long_as_it_is_said(serve, org):
    server = serve(QUICK + "[prices]\nundo_days = 0.00001\n")
    send_spans(server, org, [house_call()])
    put(server, org, "house", HOUSE_ROW)
    begun = ended(server, org, start(server, org)["id"])
    wait_until(lambda: not job(server, org, begun["id"])["undo_possible"], "they are let go")
    assert "prices.undo_days" in refused(server, org, f"/reprices/{begun['id']}/undo")
    folder = server.data_dir / "lake" / "_revisions" / org / begun["id"]
    wait_until(lambda: not folder.exists(), "their files are deleted")
    assert cost(server, org) == HOUSE_USD


def test_what_cannot_be_asked_for_is_refused_and_says_why(server, org):
    send_spans(server, org, [house_call()])
    book = preview(server, org)["book"]
    bad = [
        ({"from_us": 5, "to_us": 5}, 400, "has to be before"),
        ({"from_us": 6, "to_us": 5, "preview": False, "book": book}, 400, "has to be before"),
        ({"from_us": 0}, 400, "to_us"),
        ({"from_us": "then", "to_us": 5}, 400, "invalid type"),
        (wanted(modle="x"), 400, "modle"),
        (wanted(stream="nosuch"), 404, "nosuch"),
        (wanted(preview=False), 400, '"preview": true'),
        (wanted(preview=False, book="0123456789abcdef"), 409, book),
    ]
    for body, status, why in bad:
        answer = server.post(prices(org, "/reprice"), json=body)
        assert answer.status_code == status and why in answer.json()["error"]["message"], f"{body}: {answer.status_code} {answer.text}"
    assert server.post(prices(org, "/reprice"), content=b"\xff{").status_code == 400
    assert server.get(prices(org, "/reprices/nosuch")).status_code == 404
    for what in ("undo", "cancel"):
        assert server.post(prices(org, f"/reprices/nosuch/{what}")).status_code == 404
    reader = f"Bearer {server.token(org, ('read', 'ingest', 'call'))}"
    paths = [("POST", "/reprice"), ("GET", "/reprices"), ("GET", "/reprices/x"), ("POST", "/reprices/x/undo"), ("POST", "/reprices/x/cancel")]
    for method, path in paths:
        answer = server.request(method, prices(org, path), json=wanted(), authorization=reader)
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
    empty = {"from_us": 0, "to_us": 1_000_000}
    said = server.post(prices(org, "/reprice"), json=empty).json()
    assert (said["calls"], said["changes"], said["models"], said["before"]["cost_usd"]) == (0, 0, [], None)
    answer = server.post(prices(org, "/reprice"), json={**empty, "preview": False, "book": said["book"]})
    done = ended(server, org, answer.json()["id"])
    assert (done["changed"]["calls"], done["changed"]["after"]["cost_usd"], done["files"]["all"]) == (0, None, 0)
    other = f"other{time.time_ns()}"
    send_spans(server, other, [house_call()])
    assert server.get(prices(other, f"/reprices/{done['id']}")).status_code == 404, "nobody else's"
