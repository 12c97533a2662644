"""The desk in process: bookings a second on one hot site, 100 and 10,000 sites, by 1, 64 and 512 callers, beside a
bare `insert … on conflict do nothing` of the claim alone, one per transaction, on the same server in the same run."""

from bench.ground import bare_insert, desk_on, load, make_sites, slots
from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import Book
from holdfast.runtime.process import settle_memory
from holdfast.services.identity import new_id

SHAPES = ((1, 100), (100, 20), (10_000, 2))
COUNTS = {1: 2_000, 64: 20_000, 512: 30_000}
WHO = Customer(name="Ann Example", email="ann@example.org")


async def main(database_url: str) -> dict[str, object]:
    settle_memory()
    results: dict[str, object] = {}
    async with desk_on(database_url) as (pool, desk):
        for sites, units in SHAPES:
            ids = await make_sites(pool, desk, sites, units)
            days = 30
            for callers in COUNTS:
                wanted = slots(ids, units, days)
                days += 200

                async def work(number: int) -> None:
                    site_id, code, start, end = next(wanted)  # noqa: B023
                    await desk.submit(site_id, Book(new_id(), start, end, (code,), customer=WHO), actor="bench")

                ours = await load(callers, COUNTS[callers], work)
                bare = await bare_insert(
                    database_url, sites=sites, units=units, callers=callers, count=COUNTS[callers] // 2
                )
                ratio = round(ours["per_s"] / bare["per_s"], 2)
                results[f"{sites} sites, {callers} callers"] = {"desk": ours, "bare": bare, "ratio": ratio}
    return results
