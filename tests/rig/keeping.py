"""Looking after a server's tables: upkeep that is due at once, erasures, and what metrics count."""

from prometheus_client.parser import text_string_to_metric_families

from .server import Server
from .waiting import wait_until

# Everything that upkeep does is due at once.
EAGER = (
    "[query]\ntimeout_s = 2\nstream_timeout_s = 2\n"
    "[storage]\nflush_after_s = 0.1\nupkeep_every_s = 0.2\nmerge_at = 4\nhistory_minutes = 0.05\ncheckpoint_commits = 5\n"
)


def metric(server: Server, name: str, **labels: str) -> float:
    page = server.get("/metrics", headers={"accept": "text/plain"}).text
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    found = [sample.value for sample in samples if sample.name in (name, f"{name}_total") and labels.items() <= sample.labels.items()]
    assert len(found) == 1, f"{name} {labels}: {found}"
    return found[0]


def erased(server: Server, org: str, path: str) -> dict:
    """An erasure that was asked for and is done."""
    answer = server.request("DELETE", f"/scope/v1/orgs/{org}/{path}")
    assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
    place = answer.headers["location"]
    return wait_until(lambda: (job := server.get(place).json())["state"] == "done" and job, "the erasure is done")
