"""The small core that screens stand on, in the browser: signals, templates, keyed lists."""

from typing import Any

import pytest_asyncio
from playwright.async_api import Page

from tests.console.conftest import Looker


@pytest_asyncio.fixture(loop_scope="session")
async def page(looker: Looker, cafe: str) -> Page:
    return await looker.open("/console")


async def run(page: Page, script: str) -> Any:
    imports = 'const { html, each, render } = await import("/static/core/html.js");' \
        'const { signal, computed, effect, flush } = await import("/static/core/signals.js");' \
        "const place = document.createElement('div'); document.body.append(place);"  # fmt: skip
    return await page.evaluate(f"async () => {{ {imports} {script} }}")


async def test_an_effect_runs_once_for_all_changes_of_a_task(page: Page) -> None:
    told = await run(page, """
        const [a, b] = [signal(1), signal(2)], sum = computed(() => a.value + b.value), told = [];
        const stop = effect(() => told.push(sum.value));
        a.value = 2; b.value = 3; flush();
        a.value = 3; b.value = 2; flush();   // the sum is the same: nobody is told
        stop(); a.value = 9; flush();
        return told;
    """)  # fmt: skip
    assert told == [3, 5]


async def test_data_never_becomes_markup(page: Page) -> None:
    evil = "<img src=x onerror=alert(1)>"
    told = await run(page, f"""
        const evil = {evil!r};
        render(html`<p class="a ${{evil}}" title=${{evil}} data-x="${{evil}} b">${{evil}}</p>`, place);
        const p = place.querySelector("p");
        return [place.querySelectorAll("img").length, p.textContent, p.title, p.dataset.x, p.className];
    """)  # fmt: skip
    assert told == [0, evil, evil, f"{evil} b", f"a {evil}"]


async def test_a_keyed_list_keeps_its_elements_when_it_is_sorted_anew(page: Page) -> None:
    told = await run(page, """
        const one = (row) => html`<li>${row.id}<b>!</b></li>`;
        const draw = (rows) => render(html`<ul>${each(rows, (row) => row.id, one)}</ul>`, place);
        const rows = [1, 2, 3, 4].map((id) => ({ id }));
        draw(rows);
        const before = new Map([...place.querySelectorAll("li")].map((li) => [li.textContent, li]));
        draw([rows[3], rows[0], { id: 7 }, rows[2]]);
        const after = [...place.querySelectorAll("li")];
        const texts = after.map((li) => li.textContent);
        const kept = after.map((li) => before.get(li.textContent) === li);
        draw([]);
        return [texts, kept, place.querySelectorAll("li").length];
    """)  # fmt: skip
    assert told == [["4!", "1!", "7!", "3!"], [True, True, False, True], 0]


async def test_a_template_drawn_again_keeps_focus_and_what_was_typed(page: Page) -> None:
    told = await run(page, """
        const draw = (label) => render(html`<label>${label}<input></label>`, place);
        draw("one");
        const input = place.querySelector("input");
        input.focus(); input.value = "typed";
        draw("two");
        const isKept = place.querySelector("input") === input;
        return [isKept, document.activeElement === input, input.value, place.textContent];
    """)  # fmt: skip
    assert told == [True, True, "typed", "two"]


async def test_what_was_taken_away_listens_no_more(page: Page) -> None:
    told = await run(page, """
        const count = signal(0), shown = signal(true); let runs = 0;
        const title = () => { runs += 1; return count.value; };
        render(html`${() => shown.value ? html`<i title=${title}>${() => count.value}</i>` : null}`, place);
        count.value = 1; flush();
        const live = runs;
        shown.value = false; flush();
        count.value = 2; flush();
        return [live, runs, place.textContent];
    """)  # fmt: skip
    assert told == [2, 2, ""]


async def test_kinds_of_content_take_each_others_place(page: Page) -> None:
    told = await run(page, """
        const value = signal("text"), told = [];
        render(html`[${() => value.value}]`, place);
        const parts = ["text", html`<b>bold</b>`, ["a", "b"], 7, null, html`<i>i</i><i>j</i>`, "", "end"];
        for (const next of parts) {
            value.value = next;
            flush();
            told.push(place.innerHTML.replace(/<!--.*?-->/g, ""));
        }
        return told;
    """)  # fmt: skip
    assert told == ["[text]", "[<b>bold</b>]", "[ab]", "[7]", "[]", "[<i>i</i><i>j</i>]", "[]", "[end]"]


async def test_local_times_and_instants_agree_through_changes_of_the_clocks(
    looker: Looker, client: Any, cafe: str
) -> None:
    made = {"kind": "cafe", "name": "Berlin", "time_zone": "Europe/Berlin", "slug": "berlin"}
    assert client.post("/api/sites", json=made).status_code == 201
    page = await looker.open("/console/berlin")
    told = await page.evaluate("""async () => {
        const { instantOf, localOf } = await import("/static/core/time.js");
        const iso = (local) => new Date(instantOf(local)).toISOString();
        const locals = ["2027-03-08T18:00", "2027-07-08T18:00", "2027-03-28T01:59", "2027-03-28T03:00"];
        return [...locals.map(iso), localOf("2027-10-31T01:30:00Z")];
    }""")  # fmt: skip
    assert told == [
        "2027-03-08T17:00:00.000Z", "2027-07-08T16:00:00.000Z", "2027-03-28T00:59:00.000Z", "2027-03-28T01:00:00.000Z",
        "2027-10-31T02:30",
    ]  # fmt: skip
