"""A site's health, for whoever runs the site: enough to know what to do, and nothing of others."""

from typing import Any

import httpx

from tests.http.conftest import LiveServer
from tests.http.test_health import until
from tests.principals import Principals


def test_who_runs_a_site_is_told_how_it_is_served(client: httpx.Client, cafe: str, principals: Principals) -> None:
    manager = principals.person("manager", "corner", only_there=True)
    told = manager.get(f"{cafe}/health").json()
    assert (told["site"], told["status"], told["warnings"]) == ("corner", "OK", [])
    assert {"alarms", "reconcile", "watch"} <= set(told["loops"])
    assert told["overdue"]["count"] == 0 and told["findings"] == {"open": 0}
    assert told["queue"]["waiting"] == 0 < told["queue"]["waiting_max"]
    assert told["journal"]["version"] > 0 and told["journal"]["per_minute"] > 0
    assert told["database"]["reachable"] and not told["disk"]["low"]


def test_sizes_and_versions_of_the_machine_are_the_operators(
    server: LiveServer, client: httpx.Client, cafe: str, principals: Principals
) -> None:
    house: Any = server.house
    house.settings.data.mkdir(parents=True, exist_ok=True)
    assert house.disks.look()
    theirs = principals.person("manager", "corner", only_there=True).get(f"{cafe}/health").json()
    assert (theirs["database"]["version"], theirs["disk"]["free_bytes"]) == (None, None)
    assert client.get(f"{cafe}/health").json()["database"]["version"] is not None
    assert client.get(f"{cafe}/health").json()["disk"]["free_bytes"] > 0


def test_a_site_is_told_of_its_own_delays_and_findings_only(
    server: LiveServer, client: httpx.Client, cafe: str, hotel: str
) -> None:
    seen = {"observations": [{"unit": "PC1", "seen": "occupied"}]}
    assert client.post(f"{cafe}/observations", json=seen).status_code == 200
    until(lambda: client.get(f"{cafe}/health").json()["findings"] == {"open": 1})
    assert client.get(f"{hotel}/health").json()["findings"] == {"open": 0}
    assert client.get("/health").json()["findings"] == {"open": 1}


def test_staff_are_told_when_it_was_last_looked_and_not_how_the_server_is(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    staff = principals.person("staff", "corner")
    assert staff.get(f"{cafe}/health").status_code == 403
    until(lambda: staff.get(f"{cafe}/reconcile").json()["took_ms"] is not None)
    told = staff.get(f"{cafe}/reconcile").json()
    assert set(told) == {"at", "took_ms", "every_s"} and told["every_s"] > 0
    assert principals.person("housekeeping", "corner").get(f"{cafe}/reconcile").status_code == 403
    assert principals.nobody().get(f"{cafe}/health").status_code == 401


def test_bookings_are_found_by_part_of_a_name_by_those_who_see_names(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    for unit, name in (("PC1", "Ann Lee"), ("PC2", "Ben Oh"), ("PC3", "Joanna Ray")):
        time = {"from": "2027-03-08T10:00", "to": "2027-03-08T11:00"}
        answer = client.post(f"{cafe}/bookings", json={"unit": unit, "customer": {"name": name}, **time})
        assert answer.status_code == 201, answer.text

    def found(**asked: str) -> list[str]:
        told = client.get(f"{cafe}/bookings", params=asked).json()["bookings"]
        return sorted(one["customer"]["name"] for one in told)

    assert found(name="ann") == ["Ann Lee", "Joanna Ray"]
    assert found(name="ANN", unit="PC1") == ["Ann Lee"]
    assert found(name="50%_") == []
    keeper = principals.person("housekeeping", "corner")
    assert keeper.get(f"{cafe}/bookings", params={"name": "ann"}).status_code == 403
