"""Two organisations that must not reach each other's things, for tests of who may do what."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.http.conftest import LiveServer
from tests.principals import Principals

DAY = str((datetime.now(UTC) + timedelta(days=10)).date())
WISH = {"unit": "G1", "date": DAY, "slot": "9-10 AM"}


class Town:
    """Two organisations with a sports ground each, and a booking, a series, a block and people in both."""

    def __init__(self, server: LiveServer) -> None:
        self.server, self.admin = server, server.client
        self.principals = Principals(server)
        self.ours = self._ground("ours", None)
        self.theirs = self._ground("theirs", str(self.principals.other_organisation()))
        self.owner = self._person("owner", "ours")
        self.customer = self._person("customer", "ours", "customer@example.org")

    def _ground(self, slug: str, organisation: str | None) -> dict[str, str]:
        site = {
            "kind": "grounds", "name": slug.title(), "slug": slug, "time_zone": "UTC", "organisation": organisation,
            "settings": {"booking_page": "accounts"},
        }  # fmt: skip
        assert self.admin.post("/api/sites", json=site).status_code == 201
        units = {"units": [{"code": "G1", "category": "ground"}, {"code": "G2", "category": "ground"}]}
        assert self.admin.post(f"/api/sites/{slug}/units", json=units).status_code == 200
        booking = {**WISH, "customer": {"email": "ann@example.org", "name": "Ann"}}
        made = {"site": slug, "booking": self.admin.post(f"/api/sites/{slug}/bookings", json=booking).json()["id"]}
        again = {**booking, "unit": "G2", "recurrence": {"rule": "FREQ=WEEKLY;COUNT=2"}}
        series = self.admin.post(f"/api/sites/{slug}/bookings", json=again).json()["results"][0]["series"]
        block = {"units": ["G2"], "from": f"{DAY}T20:00", "to": f"{DAY}T21:00"}
        made |= {"series": series, "block": self.admin.post(f"/api/sites/{slug}/blocks", json=block).json()["id"]}
        made["organisation"] = str(self.principals.organisation_of(slug))
        place = f"/api/organisations/{made['organisation']}"
        token = {"name": "lobby", "scopes": ["read"]}
        made["token"] = self.admin.post(f"{place}/tokens", json=token).json()["id"]
        invitation = {"email": "bo@example.org", "role": "viewer"}
        made["invitation"] = self.admin.post(f"{place}/invitations", json=invitation).json()["id"]
        return made

    def _person(self, role: str, site: str, email: str | None = None) -> httpx.Client:
        return self.principals.person(role, site, email=email, only_there=role == "customer")


@pytest.fixture(scope="module")
def town(module_server: Callable[..., LiveServer]) -> Iterator[Town]:
    made = Town(module_server(secret_key="a key for the tests of this module only"))
    yield made
    made.principals.close()


def refused(answer: httpx.Response, status: int, *codes: str) -> None:
    assert answer.status_code == status and answer.json()["code"] in codes, answer.text
