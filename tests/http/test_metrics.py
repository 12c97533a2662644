"""Metrics: they count what happened, are for those who may see them, and their number has a bound."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import prometheus_client
from prometheus_client.parser import text_string_to_metric_families as families

from tests.http.conftest import TOKEN, LiveServer
from tests.http.test_health import FROM_A_PROXY, until


def samples(server: LiveServer) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = server.client.get("/metrics").raise_for_status().text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families(text)
        for sample in family.samples
    }


def value(server: LiveServer, name: str, **labels: str) -> float:
    return samples(server).get((name, frozenset(labels.items())), 0.0)


def test_what_happened_is_counted(server: LiveServer, cafe: str) -> None:
    body = {"unit": "PC1", "walk_in": True}
    assert server.client.post(f"{cafe}/bookings", json=body).status_code == 201
    assert server.client.post(f"{cafe}/bookings", json=body).status_code == 409
    server.client.get(f"{cafe}/nonsense/{'x' * 50}")
    found = samples(server)

    def told(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert told("holdfast_commands_total", command="book", outcome="done") == 1
    assert told("holdfast_commands_total", command="book", outcome="refused") == 1
    assert told("holdfast_refusals_total", code="slot_taken") == 1
    assert told("holdfast_journal_events_total", type="booking.created") == 1
    assert told("holdfast_journal_events_total", type="unit.created") == 4
    route = "/api/sites/{site}/bookings"
    assert told("holdfast_http_requests_total", method="POST", route=route, status="409") == 1
    assert told("holdfast_http_request_seconds_count", method="POST", route=route) == 2
    assert told("holdfast_http_requests_total", method="GET", route="(none)", status="404") == 1
    assert told("holdfast_batch_commands_sum") == 3
    assert told("holdfast_batch_seconds_count") >= 3
    assert told("holdfast_loop_running", loop="alarms") == 1
    assert told("holdfast_pool_connections_max", pool="reads") == server.settings.pool_connections_max
    assert told("process_resident_memory_bytes") > 0


def test_an_end_on_time_is_counted_by_how_late_it_was(server: LiveServer, client: httpx.Client) -> None:
    site = {"kind": "cafe", "name": "Free", "time_zone": "UTC", "settings": {"grid_minutes": 0}}
    address = client.post("/api/sites", json=site).headers["location"]
    client.post(f"{address}/units", json={"units": [{"code": "PC1", "category": "pc"}]})
    end = datetime.now(UTC) + timedelta(seconds=1)
    body = {"unit": "PC1", "walk_in": True, "to": end.isoformat()}
    assert client.post(f"{address}/bookings", json=body).status_code == 201
    until(lambda: value(server, "holdfast_journal_events_total", type="booking.completed") == 1)
    found = samples(server)
    # the booking and its unit's status
    assert found["holdfast_transition_lateness_seconds_count", frozenset()] == 2
    assert found["holdfast_transition_lateness_seconds_bucket", frozenset({("le", "5.0")})] == 2
    assert 0 <= found["holdfast_transition_lateness_seconds_sum", frozenset()] < 5


def test_strangers_get_no_metrics_unless_they_may(make_server: Callable[..., LiveServer]) -> None:
    server, public = make_server(), make_server(metrics_public=True)
    address = f"{server.url}/metrics"
    assert httpx.get(address).status_code == 401, "nor does a program on this machine, while a token is set"
    assert httpx.get(address, headers={**FROM_A_PROXY, "Authorization": f"Bearer {TOKEN}"}).status_code == 200
    for headers in (FROM_A_PROXY, {"Host": "example.org"}, {**FROM_A_PROXY, "Authorization": "Bearer wrong"}):
        answer = httpx.get(address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
    assert httpx.get(f"{public.url}/metrics", headers=FROM_A_PROXY).status_code == 200


def test_nothing_that_a_client_sends_becomes_a_label(server: LiveServer, cafe: str) -> None:
    booking = server.client.post(f"{cafe}/bookings", json={"unit": "PC1", "walk_in": True}).json()
    before = labels(server)
    for n in range(20):
        server.client.post(f"{cafe}/bookings/{booking['id']}/act-{n}", json={})
        server.client.get(f"/api/sites/site-{n}/board")
        server.client.get(f"/somewhere/{n}")
        server.client.request(f"VERB{n}", "/api/sites")
        server.client.post("/api/sites", json={"kind": "cafe", "name": f"Site {n}", "time_zone": "UTC"})
    new = labels(server) - before
    assert not [label for label in new if any(char.isdigit() for char in label.removeprefix("status="))], new
    assert len(new) < 20


def labels(server: LiveServer) -> set[str]:
    def named() -> Iterator[str]:
        for name, pairs in samples(server):
            if not name.startswith(("python_", "process_")):
                yield from (f"{key}={value}" for key, value in pairs if key not in ("le", "version", "status"))

    return set(named())


def test_the_registry_is_our_own(server: LiveServer) -> None:
    assert b"holdfast" not in prometheus_client.generate_latest(prometheus_client.REGISTRY)
