"""Our own tools use the client: a watched board follows the server's events, and a booking is sent once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from click.testing import CliRunner, Result

from holdfast.cli import main, running
from tests.http.conftest import TOKEN, LiveServer


@pytest.fixture(autouse=True)
def as_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_ADMIN_TOKEN", TOKEN)
    monkeypatch.setattr(running.out, "width", 160)


def cli(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_a_watched_board_asks_for_one_snapshot_and_shows_what_follows(
    server: LiveServer, client: httpx.Client, cafe: str
) -> None:
    slug = cafe.rsplit("/", 1)[1]
    assert server.house is not None
    hub = server.house.hub
    with ThreadPoolExecutor(1) as executor:
        watching = executor.submit(cli, "board", slug, "--watch", "--url", server.url, "--seconds", "2.5")
        until = time.monotonic() + 10
        while hub.count == 0 and time.monotonic() < until:
            threading.Event().wait(0.01)
        assert hub.count == 1
        assert client.patch(f"{cafe}/units/PC2", json={"condition": "under_maintenance"}).status_code == 200
        told = watching.result(20)
    assert told.exit_code == 0, told.output
    assert "Under Maintenance" in told.output and "version 6" in told.output and "no word" not in told.output


def test_a_watched_board_of_no_server_or_site_is_one_line(server: LiveServer) -> None:
    for words, said in (
        (("board", "nowhere", "--watch", "--url", server.url), "unknown_site"),
        (("board", "x", "--watch", "--url", "http://127.0.0.1:9"), "No answer from http://127.0.0.1:9"),
        (("board", "x", "--url", "htp://127.0.0.1:9"), "--url htp://127.0.0.1:9"),
    ):
        result = cli(*words)
        assert result.exit_code in (1, 2) and said in result.output and "Traceback" not in result.output, result.output


def test_a_booking_by_url_says_what_was_booked_or_what_is_in_the_way(server: LiveServer, cafe: str) -> None:
    words = ("book", cafe.rsplit("/", 1)[1], "PC1", "2027-03-08T10:00", "2027-03-08T11:00", "--url", server.url)
    assert "Booked" in cli(*words).output
    taken = cli(*words)
    assert taken.exit_code == 1 and "PC1 is taken" in taken.output and "free instead: PC" in taken.output
