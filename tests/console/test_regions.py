"""Times as the viewer's region writes them: those of 12 hours are longer, and stand on one line all the same."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import PHONE, Book, Looker

AMERICAN = "en-US"
LAPTOP = {"width": 1024, "height": 700}
TIME = r"(?:0[1-9]|1[0-2]):[0-5]\d\u00a0[AP]M"
# each time of 12 hours on the page, and how many lines it stands on
LINES = """() => {
    const found = [], walker = document.createTreeWalker(document.querySelector("#screen"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (const { index, 0: text } of node.data.matchAll(/\\d\\d:\\d\\d(:\\d\\d)?\\s[AP]M/g)) {
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + text.length);
            const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
            if (lines.size > 0) found.push([text, lines.size]);
        }
    }
    return found;
}"""


async def times(page: Page) -> list[str]:
    """The times that are shown, each of which stands on one line; the page is no wider than its window."""
    found = await page.evaluate(LINES)
    assert [text for text, lines in found if lines > 1] == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return [text for text, _ in found]


@pytest.fixture
def campus(client: httpx.Client) -> str:
    """A sports ground in UTC with two grounds and four slots a day; its slug."""
    settings = {"slots": {"first": "08:00", "minutes": 60, "count": 4}}
    site = {"kind": "grounds", "name": "Campus", "time_zone": "UTC", "slug": "campus", "settings": settings}
    assert client.post("/api/sites", json=site).status_code == 201
    units = [{"code": code, "category": "football"} for code in ("G1", "G2")]
    assert client.post("/api/sites/campus/units", json={"units": units}).status_code == 200
    return "campus"


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
async def test_slots_of_a_ground_stand_beside_times_on_one_line(looker: Looker, campus: str, viewport: Any) -> None:
    page = await looker.open(f"/console/{campus}", locale=AMERICAN, viewport=viewport)
    first = page.locator(".slots tbody th").first
    await expect(first.locator("span")).to_have_text(["08:00\u00a0AM", "09:00\u00a0AM"])
    assert len(await times(page)) == 8
    # none reaches into the next column
    assert await first.evaluate("(cell) => [...cell.children].every((one) => one.scrollWidth <= one.clientWidth)")


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
async def test_the_journal_tells_the_second_before_the_half_of_the_day(
    looker: Looker, cafe: str, book: Book, viewport: Any
) -> None:
    book("PC2")
    page = await looker.open(f"/console/{cafe}/audit", locale=AMERICAN, viewport=viewport)
    told = page.locator(".journal tbody time").first
    await expect(told).to_have_text(re.compile(TIME.replace("\\u00a0", ":[0-5]\\d\\u00a0", 1) + "$"))
    await expect(told.locator(".muted")).to_have_text(re.compile(r"^:[0-5]\d$"))
    assert await told.evaluate("(one) => new Set([...one.getClientRects()].map(({ bottom }) => bottom)).size") == 1
    german = await looker.open(f"/console/{cafe}/audit", locale="de-DE", viewport=viewport)
    await expect(german.locator(".journal tbody time").first).to_have_text(re.compile(r"\d\d:\d\d:\d\d$"))


@pytest.mark.parametrize("path", ["", "?view=list", "/bookings", "/audit?view=then"])
async def test_times_of_a_cafe_are_whole_on_a_laptop_and_a_phone(
    looker: Looker, client: httpx.Client, cafe: str, book: Book, path: str
) -> None:
    book("PC2", halves=0)
    for viewport in (LAPTOP, PHONE):
        page = await looker.open(f"/console/{cafe}{path}", locale=AMERICAN, viewport=viewport)
        await expect(page.locator("#screen")).to_contain_text(re.compile(TIME))
        await times(page)


async def test_the_head_of_a_hotel_does_not_part_a_time(looker: Looker, client: httpx.Client, cafe: str) -> None:
    for viewport in (LAPTOP, PHONE):
        page = await looker.open("/console/sea-view", locale=AMERICAN, viewport=viewport)
        await expect(page.locator(".hotel-head .titles p")).to_contain_text(re.compile(TIME))
        await times(page)


@pytest.fixture
def arriving(client: httpx.Client) -> str:
    """A hotel in UTC whose day begins at midnight, to which somebody comes today; its slug."""
    site = {"kind": "hotel", "name": "Bay", "time_zone": "UTC", "slug": "bay", "settings": {"cut_off": "00:00"}}
    assert client.post("/api/sites", json=site).status_code == 201
    units = [{"code": "101", "category": "double", "condition": "clean"}]
    assert client.post("/api/sites/bay/units", json={"units": units}).status_code == 200
    today = str(datetime.now(UTC).date())
    stay = {"unit": "101", "date": today, "nights": 2, "customer": {"name": "Philippa Bartholomew"}}
    assert client.post("/api/sites/bay/bookings", json=stay).status_code == 201
    return "bay"


async def test_a_guest_is_let_in_from_the_list_of_a_laptop(looker: Looker, arriving: str) -> None:
    page = await looker.open(f"/console/{arriving}?view=arrivals", locale=AMERICAN, viewport=LAPTOP)
    title, new = page.get_by_role("heading", level=1), page.get_by_role("button", name="New booking")
    boxes = [await one.bounding_box() for one in (title, new)]
    assert boxes[0] and boxes[1] and abs(boxes[0]["y"] - boxes[1]["y"]) < 20
    await expect(page.locator(".day-list tbody tr")).to_have_count(1)
    assert await page.locator(".day-list .table-wrap").evaluate("(one) => one.scrollWidth <= one.clientWidth")


async def test_times_that_are_set_are_told_as_they_are_typed(looker: Looker, cafe: str, campus: str) -> None:
    page = await looker.open("/console/sea-view/settings", locale=AMERICAN)
    await expect(page.get_by_text("This is the default: 03:00\u00a0PM")).to_be_visible()
    slots = await looker.open(f"/console/{campus}/settings?tab=hours", locale=AMERICAN)
    await expect(slots.get_by_text("From 08:00\u00a0AM to 12:00\u00a0PM")).to_be_attached()


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en-US", ["Mar 8, 2027, 08:05:09\u00a0PM", "03:20\u00a0AM", "08:05\u00a0PM", "at 02:30\u00a0AM every day"]),
        ("en-GB", ["8 Mar 2027, 20:05:09", "03:20", "20:05", "at 02:30 every day"]),
        ("de-DE", ["08.03.2027, 20:05:09", "03:20", "20:05", "um 02:30 täglich"]),
    ],
)
async def test_one_instant_reads_the_same_wherever_it_is_told(
    looker: Looker, cafe: str, locale: str, told: list[str]
) -> None:
    page = await looker.open(f"/console/{cafe}", locale=locale)
    assert told == await page.evaluate("""async () => {
        const { loadWords } = await import("/static/core/i18n.js");
        await loadWords();
        const { clockWords, fullOf, timeOf } = await import("/static/core/time.js");
        const { ruleText } = await import("/static/screens/rule_words.js");
        const at = "2027-03-08T20:05:09Z";
        return [fullOf(at), clockWords("03:20"), timeOf(at), ruleText("at 02:30 every day")];
    }""")


async def test_days_ahead_and_ago_have_their_german_form(looker: Looker, cafe: str) -> None:
    page = await looker.open(f"/console/{cafe}", locale="de-DE")
    told = await page.evaluate("""async () => {
        const { loadWords } = await import("/static/core/i18n.js");
        await loadWords();
        const { distanceOf, lengthOf } = await import("/static/core/time.js");
        return [1, 2, 2.5].flatMap((days) => [lengthOf(days * 86_400_000), distanceOf(days * 86_400_000)]);
    }""")
    assert told == ["1 Tag", "1 Tag", "2 Tage", "2 Tagen", "2 Tage 12 h", "2 Tagen 12 h"]
