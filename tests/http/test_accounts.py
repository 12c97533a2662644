"""Whole flows over HTTP: set-up, invitation, sign-up, reset, second factor; with mails as they reach a folder."""

import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from holdfast.services.accounts import set_up_link
from holdfast.store import accounts as store
from tests.http.conftest import LiveServer
from tests.people import PASSWORD, secret_of
from tests.people import fast as fast
from tests.principals import Principals

pytestmark = pytest.mark.usefixtures("fast")
ANN = "ann@example.org"


class Town:
    """A server whose mails go into a folder."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server, self.admin, self.folder = server, server.client, folder
        self.principals = Principals(server)

    def browser(self) -> httpx.Client:
        """A browser: it keeps cookies, and says where its pages are from."""
        made = httpx.Client(base_url=self.server.url, headers={"Origin": self.server.url}, timeout=20)
        self.principals.made.append(made)
        return made

    def mailed(self, subject: str, *, to: str = ANN, count: int = 1) -> str:
        """The secret of the link in the newest of so many mails to somebody."""
        deadline = time.monotonic() + 20
        while True:
            mails = [self._mail(path) for path in sorted((self.folder / "mail").glob("*.eml"))]
            links = [link for whose, said, link in mails if whose == to and subject in said]
            if len(links) >= count:
                return links[-1]
            assert time.monotonic() < deadline, mails
            time.sleep(0.02)

    def _mail(self, path: Path) -> tuple[str, str, str]:
        mail: Any = message_from_bytes(path.read_bytes(), policy=policy.default)
        text = mail.get_body(("plain",)).get_content()
        link = re.search(r"#([A-Za-z0-9_-]{43})", text)
        return mail["To"], mail["Subject"], link[1] if link else ""


@pytest.fixture
def town(make_server: Callable[..., LiveServer], tmp_path: Path) -> Any:
    made = Town(make_server(data=tmp_path, secret_key="a key for the tests of this module"), tmp_path)
    yield made
    made.principals.close()


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    found: dict[str, Any] = answer.json()
    return found


def signed_in(town: Town, email: str, password: str, **more: Any) -> httpx.Client:
    browser = town.browser()
    answer = browser.post("/api/session", json={"email": email, "password": password, **more})
    assert answer.status_code == 200, answer.text
    return browser


def test_the_first_owner_is_made_by_the_link_and_the_machine_is_closed_at_once(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(admin_token=None)
    town = Town(server, Path("/nonexistent"))
    anybody = httpx.Client(base_url=server.url)
    assert anybody.get("/api/sites").status_code == 200  # a program on this machine, before there is any account
    assert anybody.get("/api/sites", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 401
    assert anybody.get("/api/sites", headers={"Host": "evil.example"}).status_code == 403
    assert server.house is not None
    secret = secret_of(town.principals.run(set_up_link(server.house.accounts)))
    wish = {"secret": secret, "email": ANN, "name": "Ann", "password": PASSWORD}
    browser = town.browser()
    assert browser.post("/api/set-up", json=wish).status_code == 200
    me = browser.get("/api/session").json()
    assert me["account"]["email"] == ANN and me["grants"][0]["role"] == "owner"
    refused(anybody.get("/api/sites"), 401, "unauthorised")
    refused(town.browser().post("/api/set-up", json=wish), 410, "link_used")
    anybody.close()
    town.principals.close()


def test_the_cookie_of_a_session_is_for_this_host_and_no_script(town: Town) -> None:
    town.principals.account(ANN)
    town.principals.run(_with_password(town, ANN))
    plain = town.browser().post("/api/session", json={"email": ANN, "password": PASSWORD})
    parts = [part.strip() for part in plain.headers["set-cookie"].split(";")]
    assert parts[0].startswith("holdfast=") and len(parts[0]) == len("holdfast=") + 43
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=2592000"} == set(parts[1:])
    assert plain.headers["cache-control"] == "no-store"
    browser = town.browser()
    browser.cookies.set("holdfast", parts[0].partition("=")[2])
    out = browser.delete("/api/session")
    assert "Max-Age=0" in out.headers["set-cookie"] and parts[0].partition("=")[2] not in out.headers["set-cookie"]
    refused(browser.get("/api/session"), 401, "unauthorised")


async def _with_password(town: Town, email: str, password: str = PASSWORD) -> None:
    accounts = town.principals.accounts
    hashed = await accounts.passwords.hashed(password)
    async with accounts.changing() as connection:
        account = await store.by_email(connection, email)
        assert account is not None
        await store.set_password(connection, account.id, hashed, by_mail=False)


def test_over_tls_only_the_cookie_counts_that_no_other_host_can_set(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    town = Town(make_server(trusted_proxies="127.0.0.1", data=tmp_path), tmp_path)
    town.principals.account(ANN)
    town.principals.run(_with_password(town, ANN))
    tls = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    made = town.browser().post("/api/session", json={"email": ANN, "password": PASSWORD}, headers=tls)
    assert made.status_code == 200, made.text
    cookie = made.headers["set-cookie"]
    assert cookie.startswith("__Host-holdfast=") and "; Secure" in cookie and "Domain" not in cookie
    secret = cookie.partition("=")[2].partition(";")[0]
    nobody = town.principals.nobody()

    def asked(cookies: str, **headers: str) -> int:
        return nobody.get("/api/session", headers={"Cookie": cookies, **headers}).status_code

    assert asked(f"__Host-holdfast={secret}", **tls) == 200
    # as it may have been set by a page of a sibling's, or by whoever sits on a plain connection
    assert asked(f"holdfast={secret}", **tls) == 401
    assert asked(f"holdfast={'x' * 43}; __Host-holdfast={secret}", **tls) == 200
    assert asked(f"holdfast={secret}") == 200
    town.principals.close()


def test_a_page_of_another_origin_does_nothing_with_a_cookie_and_cannot_sign_in(town: Town) -> None:
    town.principals.account(ANN)
    town.principals.run(_with_password(town, ANN))
    browser = signed_in(town, ANN, PASSWORD)
    for headers in (
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"}, {"Origin": town.server.url + ".evil.example"},
    ):  # fmt: skip
        for method, path in (("DELETE", "/api/session"), ("PATCH", "/api/account"), ("POST", "/api/session")):
            answer = browser.request(method, path, headers=headers, json={"email": ANN, "password": PASSWORD})
            refused(answer, 403, "foreign_origin")
    silent = httpx.Client(base_url=town.server.url, cookies=browser.cookies)
    refused(silent.delete("/api/session"), 403, "foreign_origin")
    assert browser.get("/api/session").status_code == 200
    silent.close()


def test_somebody_is_invited_and_comes_in_with_that_role(town: Town) -> None:
    town.admin.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    organisation = town.principals.organisation_of("corner")
    invite = {"email": ANN, "role": "staff", "site": "corner"}
    answer = town.admin.post(f"/api/organisations/{organisation}/invitations", json=invite)
    assert answer.status_code == 201 and "#" not in answer.text
    secret = town.mailed("invit")
    told = town.browser().post("/api/invitation", json={"secret": secret}).json()
    assert told == {"email": ANN, "organisation": "Holdfast", "role": "staff", "has_account": False}
    browser = town.browser()
    wish = {"secret": secret, "name": "Ann Lee", "password": PASSWORD}
    made = browser.post("/api/invitation/accept", json={**wish, "email": "eve@example.org"})
    refused(made, 400, "invalid_request")
    assert browser.post("/api/invitation/accept", json=wish).status_code == 200
    assert browser.get("/api/sites/corner/board").status_code == 200
    refused(browser.patch("/api/sites/corner", json={"name": "Mine"}), 403, "not_allowed")
    refused(town.browser().post("/api/invitation/accept", json=wish), 410, "link_used")
    # for who has an account the link is no way in
    again = {"email": ANN, "role": "viewer"}
    town.admin.post(f"/api/organisations/{organisation}/invitations", json=again)
    other = town.browser()
    assert other.post("/api/invitation/accept", json={"secret": town.mailed("invit", count=2)}).status_code == 200
    assert not other.cookies
    refused(other.get("/api/session"), 401, "unauthorised")


def test_a_customer_signs_up_books_and_gets_back_in(town: Town) -> None:
    site = {"kind": "grounds", "name": "Campus", "time_zone": "UTC", "settings": {"sign_up": True}}
    town.admin.post("/api/sites", json=site)
    browser = town.browser()
    wish = {"email": ANN, "name": "Ann Lee", "password": PASSWORD}
    first = browser.post("/api/sites/campus/sign-up", json=wish)
    assert first.status_code == 202 and not browser.cookies
    secret = town.mailed("onfirm")
    refused(browser.post("/api/verify", json={"secret": secret}), 401, "wrong_credentials")
    made = browser.post("/api/verify", json={"secret": secret, "password": PASSWORD})
    assert made.status_code == 200 and browser.get("/api/account").json()["email"] == ANN
    # signing up again says the same, and is no way in
    again = town.browser().post("/api/sites/campus/sign-up", json={**wish, "password": "eleven loud bells at noon"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    stranger = town.browser()
    second = town.mailed("onfirm", count=2)
    assert stranger.post("/api/verify", json={"secret": second}).status_code == 200 and not stranger.cookies
    # a lost password
    known, unknown = (town.browser().post("/api/reset", json={"email": email}) for email in (ANN, "nobody@example.org"))
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (202, known.json())
    new = "eleven loud bells at noon"
    secret = town.mailed("assword")
    body = {"secret": secret, "password": new}
    assert stranger.post("/api/reset/password", json=body).status_code == 200 and not stranger.cookies
    refused(stranger.post("/api/reset/password", json=body), 410, "link_used")
    refused(browser.get("/api/session"), 401, "unauthorised")
    signed_in(town, ANN, new)


def test_a_second_factor_is_asked_for_over_http(town: Town) -> None:
    town.principals.account(ANN)
    town.principals.run(_with_password(town, ANN))
    browser = signed_in(town, ANN, PASSWORD)
    shown = browser.post("/api/account/second-factor").json()
    app = pyotp.TOTP(shown["secret"])
    assert shown["svg"].startswith("<svg") and "<script" not in shown["svg"]
    codes = browser.post("/api/account/second-factor/confirm", json={"code": app.now()}).json()["codes"]
    assert shown["secret"] not in browser.get("/api/account").text
    body = {"email": ANN, "password": PASSWORD}
    refused(town.browser().post("/api/session", json=body), 401, "second_factor_needed")
    refused(town.browser().post("/api/session", json={**body, "code": "000000"}), 401, "wrong_credentials")
    signed_in(town, ANN, PASSWORD, code=codes[0])
    refused(town.browser().post("/api/session", json={**body, "code": codes[0]}), 401, "wrong_credentials")


def test_a_role_that_is_taken_is_gone_with_the_next_request(town: Town) -> None:
    town.admin.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    organisation = town.principals.organisation_of("corner")
    account = town.principals.account(ANN)
    town.principals.grant(account, organisation, "staff")
    browser = town.principals.signed_in(account)
    for _ in range(3):
        assert browser.get("/api/sites/corner/board").status_code == 200
    assert town.admin.delete(f"/api/organisations/{organisation}/people/{account}").status_code == 200
    refused(browser.get("/api/sites/corner/board"), 404, "unknown_site")


def test_secrets_are_in_no_address_and_no_log(town: Town, capfd: pytest.CaptureFixture[str]) -> None:
    town.principals.account(ANN)
    town.principals.run(_with_password(town, ANN))
    signed_in(town, ANN, PASSWORD)
    town.browser().post("/api/reset", json={"email": ANN})
    secret = town.mailed("assword")
    out = "".join(capfd.readouterr())
    assert PASSWORD not in out and secret not in out
    document = town.admin.get("/api/openapi.json").json()
    named = {
        parameter["name"] for item in document["paths"].values() for operation in item.values()
        if isinstance(operation, dict) for parameter in operation.get("parameters", ())
    }  # fmt: skip
    assert not named & {"password", "secret", "code_of_factor", "token_secret"}
