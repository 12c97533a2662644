"""Jobs from putting in to the end, against a real database: what a worker takes, runs, and says of it."""

import asyncio

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs.outcomes import Backoff
from holdfast.services.jobs.context import GiveUp, JobContext, Retry
from holdfast.services.jobs.crew import CrewLimits
from holdfast.services.jobs.enqueueing import Options, enqueue, enqueue_batch, enqueue_many
from holdfast.services.jobs.registry import Registry
from tests.services.job_stage import crew_on, db, outcomes, put_forward, registry, stage_of, work

__all__ = ["db", "registry"]


async def test_a_job_runs_once_with_its_arguments_and_a_run_is_kept(db: asyncpg.Pool, registry: Registry):
    seen = []

    @registry.job
    async def greet(ctx: JobContext, name: str, times: int = 1) -> str:
        seen.append((name, times, ctx.attempt, ctx.key))
        return f"hello {name}"

    async with db.acquire() as tx:
        put = await enqueue(tx, greet, {"name": "Ada"})
    async with crew_on(db, registry) as crew:
        await work(crew)
    assert seen == [("Ada", 1, 1, f"holdfast-job-{put.id}")]
    run = await db.fetchrow("select * from done where id = $1", put.id)
    assert run is not None
    assert (run["outcome"], run["result"], run["attempt"]) == ("succeeded", b'"hello Ada"', 1)
    assert run["started_at"] <= run["finished_at"]
    assert await stage_of(db, put.id) == "gone"


async def test_a_job_is_there_when_its_transaction_commits_and_never_was_when_it_does_not(
    db: asyncpg.Pool, registry: Registry
):
    @registry.job
    def nothing() -> None: ...

    async with db.acquire() as tx:
        transaction = tx.transaction()
        await transaction.start()
        put = await enqueue(tx, nothing, {})
        assert await stage_of(db, put.id) == "gone"
        await transaction.rollback()
        assert await stage_of(db, put.id) == "gone"
        async with tx.transaction():
            put = await enqueue(tx, nothing, {})
    assert await stage_of(db, put.id) == "job"


async def test_arguments_are_checked_when_put_in_and_again_when_run(db: asyncpg.Pool, registry: Registry):
    ran = []

    @registry.job
    async def count(numbers: list[int]) -> None:
        ran.append(numbers)

    async with db.acquire() as tx:
        for wrong in ({}, {"numbers": ["x"]}, {"numbers": [1], "more": 1}, {"numbers": object()}):
            with pytest.raises(Refusal) as refused:
                await enqueue(tx, count, wrong)
            assert refused.value.code == "invalid_arguments"
        put = await enqueue(tx, count, {"numbers": [1]})
    await db.execute("""update job set args = '{"numbers": "drop table job"}'::jsonb where id = $1""", put.id)
    async with crew_on(db, registry) as crew:
        await work(crew)
    assert ran == [] and await stage_of(db, put.id) == "dead"
    assert await db.fetchval("select reason from dead") == "refused"


async def test_a_name_that_is_not_registered_never_runs(db: asyncpg.Pool, registry: Registry):
    @registry.job
    def known() -> None: ...

    async with db.acquire() as tx:
        put = await enqueue(tx, known, {}, Options(attempts_max=1))
    await db.execute("update job set name = 'os.system'")
    async with crew_on(db, registry) as crew:
        await work(crew)
    assert await outcomes(db, put.id) == ["dead"]
    assert "os.system" in await db.fetchval("select error from dead")


async def test_a_failure_is_tried_again_with_growing_waits_and_is_never_a_success(db: asyncpg.Pool, registry: Registry):
    """The replaced system counted failures as successes."""

    @registry.job(retries=2, backoff=Backoff(base_s=10))
    async def broken() -> None:
        raise ValueError("no such thing")

    waits = []
    async with db.acquire() as tx:
        put = await enqueue(tx, broken, {})
    async with crew_on(db, registry, chance=lambda: 0.0) as crew:
        for _ in range(3):
            await work(crew)
            waits.append(await db.fetchval("select round(extract(epoch from run_at - now()))::int from job"))
            await put_forward(db)
    assert await outcomes(db, put.id) == ["failed", "failed", "dead"]
    assert waits == [5, 10, None]
    dead = await db.fetchrow("select * from dead")
    assert dead is not None
    assert (dead["reason"], dead["attempt"]) == ("attempts_used", 3)
    assert dead["error"].startswith("ValueError: no such thing") and "test_jobs.py" in dead["error"]


async def test_a_handler_may_give_up_or_ask_for_its_next_attempt(db: asyncpg.Pool, registry: Registry):
    @registry.job
    async def hopeless() -> None:
        raise GiveUp("the account is closed")

    @registry.job
    async def later() -> None:
        raise Retry(3600, "asked to slow down")

    async with db.acquire() as tx:
        first, second = await enqueue(tx, hopeless, {}), await enqueue(tx, later, {})
    async with crew_on(db, registry) as crew:
        await work(crew)
    assert await outcomes(db, first.id) == ["dead"] and await outcomes(db, second.id) == ["failed"]
    assert (
        3500 < await db.fetchval("select extract(epoch from run_at - now()) from job where id = $1", second.id) < 3601
    )


async def test_a_handler_that_hangs_is_ended_at_its_deadline(db: asyncpg.Pool, registry: Registry):
    @registry.job(timeout_s=0.05, retries=0)
    async def hangs() -> None:
        await asyncio.Event().wait()

    async with db.acquire() as tx:
        put = await enqueue(tx, hangs, {})
    async with crew_on(db, registry) as crew:
        await work(crew)
    assert await outcomes(db, put.id) == ["dead"]
    assert "did not end within 0.05 s" in await db.fetchval("select error from dead")


async def test_a_transactional_job_commits_its_effect_with_its_end_or_neither(db: asyncpg.Pool, registry: Registry):
    await db.execute("create table effect (n integer)")

    @registry.job(is_transactional=True, retries=0)
    async def effect(ctx: JobContext, n: int) -> None:
        await ctx.tx.execute("insert into effect values ($1)", n)
        if n == 2:
            raise ValueError
        if n == 3:
            # somebody else has ended this attempt meanwhile
            await ctx.pool.execute("update running set attempt = 9 where id = $1", ctx.id)

    async with db.acquire() as tx:
        put = [await enqueue(tx, effect, {"n": n}) for n in (1, 2, 3)]
    async with crew_on(db, registry) as crew:
        await work(crew)
    assert [row["n"] for row in await db.fetch("select n from effect")] == [1]
    assert [await outcomes(db, one.id) for one in put] == [["succeeded"], ["dead"], []]


async def test_an_end_that_comes_after_a_rescue_changes_nothing(db: asyncpg.Pool, registry: Registry):
    gate = asyncio.Event()

    @registry.job
    async def slow() -> None:
        await gate.wait()

    async with db.acquire() as tx:
        put = await enqueue(tx, slow, {})
    async with crew_on(db, registry) as crew:
        await work(crew, lambda: crew.running == 1)
        await db.execute("update running set attempt = attempt + 1, worker_id = -1")
        gate.set()
        async with asyncio.timeout(5):
            while crew.running:
                await asyncio.sleep(0.01)
        await crew.acks.written_all()
        assert await outcomes(db, put.id) == []
        assert await db.fetchval("select attempt from running where id = $1", put.id) == 2


async def test_a_unique_job_says_which_one_stood_in_its_way_until_that_one_has_ended(
    db: asyncpg.Pool, registry: Registry
):
    @registry.job(unique="args")
    async def sync(site: int) -> None: ...

    async with db.acquire() as tx:
        first = await enqueue(tx, sync, {"site": 1})
        again = await enqueue(tx, sync, {"site": 1})
        other = await enqueue(tx, sync, {"site": 2})
        many = await enqueue_many(tx, sync, [{"site": 3}, {"site": 1}, {"site": 3}])
    assert (again.id, again.is_new) == (first.id, False)
    assert other.is_new
    assert [one.is_new for one in many] == [True, False, False]
    assert many[1].id == first.id and many[2].id == many[0].id
    async with crew_on(db, registry) as crew:
        await work(crew)
    async with db.acquire() as tx:
        assert (await enqueue(tx, sync, {"site": 1})).is_new
    assert await db.fetchval("select count(*) from job_unique") == 1


async def test_urgent_jobs_come_first_and_within_a_priority_the_oldest(db: asyncpg.Pool, registry: Registry):
    ran = []

    @registry.job
    async def note(n: int) -> None:
        ran.append(n)

    async with db.acquire() as tx:
        for n, priority in ((1, 3), (2, 2), (3, 0), (4, 2), (5, 1)):
            await enqueue(tx, note, {"n": n}, Options(priority=priority))
    async with crew_on(db, registry, CrewLimits(capacity=1)) as crew:
        await work(crew)
    assert ran == [3, 5, 2, 4, 1]


async def test_a_flood_of_one_tenant_does_not_hold_up_another(db: asyncpg.Pool, registry: Registry):
    ran = []

    @registry.job
    async def note(whose: str) -> None:
        ran.append(whose)

    async with db.acquire() as tx:
        await enqueue_many(tx, note, [{"whose": "flood"}] * 2_000, Options(tenant="flood"))
        await enqueue_many(tx, note, [{"whose": "small"}] * 5, Options(tenant="small"))
    async with crew_on(db, registry, CrewLimits(capacity=20)) as crew:
        await work(crew)
    assert len(ran) == 2_005
    assert max(n for n, whose in enumerate(ran) if whose == "small") < 100


async def test_a_job_comes_after_those_that_it_waits_for(db: asyncpg.Pool, registry: Registry):
    ran = []

    @registry.job(retries=0)
    async def step(name: str) -> None:
        ran.append(name)
        if name == "bad":
            raise ValueError

    async with db.acquire() as tx, tx.transaction():
        last = Options()
        a, b = await enqueue(tx, step, {"name": "a"}), await enqueue(tx, step, {"name": "b"})
        c = await enqueue(tx, step, {"name": "c"}, Options(after=(a.id, b.id), priority=0))
        d = await enqueue(tx, step, {"name": "d"}, Options(after=(c.id,), priority=0))
        bad = await enqueue(tx, step, {"name": "bad"}, last)
        never = await enqueue(tx, step, {"name": "never"}, Options(after=(bad.id, a.id)))
        with pytest.raises(Refusal, match="unknown_job"):
            await enqueue(tx, step, {"name": "x"}, Options(after=(10**9,)))
    async with crew_on(db, registry) as crew:
        await work(crew)
        assert sorted(ran[:3]) == ["a", "b", "bad"] and ran[3:] == ["c", "d"]
        assert await stage_of(db, never.id) == "job"
        async with db.acquire() as tx:
            late = await enqueue(tx, step, {"name": "late"}, Options(after=(d.id,)))
        await work(crew)
    assert ran[-1] == "late" and late.is_new


async def test_one_that_comes_after_a_running_job_is_never_forgotten(db: asyncpg.Pool, registry: Registry):
    """The child's transaction is open while its parent ends: the end must wait for it, and see it."""
    gate, ran = asyncio.Event(), []

    @registry.job
    async def parent() -> None:
        await gate.wait()

    @registry.job
    async def child() -> None:
        ran.append("child")

    async with db.acquire() as tx:
        first = await enqueue(tx, parent, {})
    async with crew_on(db, registry) as crew:
        await work(crew, lambda: crew.running == 1)
        async with db.acquire() as tx, tx.transaction():
            await enqueue(tx, child, {}, Options(after=(first.id,)))
            gate.set()
            async with asyncio.timeout(5):
                while crew.running:
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.05)  # the end is on its way, and waits for our row
        await work(crew, lambda: bool(ran))
    assert ran == ["child"]


async def test_a_batch_counts_its_jobs_and_is_followed_by_the_one_that_was_asked_for(
    db: asyncpg.Pool, registry: Registry
):
    ran = []

    @registry.job(retries=0)
    async def part(n: int) -> None:
        ran.append(n)
        if n == 3:
            raise ValueError

    @registry.job
    async def report() -> None:
        ran.append("report")

    async with db.acquire() as tx, tx.transaction():
        batch = await enqueue_batch(
            tx, "import", [(part, [{"n": n} for n in range(10)])], then=(report, {}), options=Options(priority=3)
        )
        empty = await enqueue_batch(tx, "empty", [], then=(report, {}))
    async with crew_on(db, registry, CrewLimits(capacity=3)) as crew:
        await work(crew)
    assert len(batch.job_ids) == 10 and ran.count("report") == 2
    assert ran[-1] == "report" and set(ran) == {*range(10), "report"}
    row = await db.fetchrow("select * from job_batch where id = $1", batch.id)
    assert row is not None
    assert (row["unfinished"], row["succeeded"], row["failed"]) == (0, 9, 1)
    assert row["finished_at"] is not None and empty.job_ids == []


async def test_what_is_put_in_with_a_delay_waits_for_it(db: asyncpg.Pool, registry: Registry):
    @registry.job
    async def later() -> None: ...

    async with db.acquire() as tx:
        await enqueue(tx, later, {}, Options(delay_s=0.5))
        with pytest.raises(Refusal):
            await enqueue(tx, later, {}, Options(delay_s=-1))
    async with crew_on(db, registry) as crew:
        assert 0.2 < await crew.take() <= 0.5
        assert crew.taken == 0


async def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_done(db: asyncpg.Pool, registry: Registry):
    @registry.job(retries=0)
    async def long() -> None:
        await asyncio.Event().wait()

    async with db.acquire() as tx:
        put = await enqueue(tx, long, {})
    async with crew_on(db, registry) as crew:
        await work(crew, lambda: crew.running == 1)
        await asyncio.sleep(0)
        await crew.stop(0.01)
    assert await outcomes(db, put.id) == ["stopped"]
    row = await db.fetchrow("select attempt, attempts_max, lost from job")
    assert row is not None and tuple(row) == (1, 2, 0), "it costs no attempt"
    assert await db.fetchval("select count(*) from worker") == 0


def test_a_registered_function_is_still_a_function(registry: Registry):
    @registry.job(queue="mail")
    def double(n: int) -> int:
        return 2 * n

    assert double(4) == 8 and double.name.endswith("double") and registry.queues() == ["default", "mail"]
    with pytest.raises(TypeError, match="has no type"):
        registry.job(lambda n: n, name="untyped")
    with pytest.raises(TypeError, match="a job takes"):
        registry.job(que="mail")
    with pytest.raises(ValueError, match="two functions"):
        registry.job(test_a_registered_function_is_still_a_function_name, name=double.name)
    with pytest.raises(TypeError, match="async"):
        registry.job(is_transactional=True)(double.call)


def test_a_registered_function_is_still_a_function_name() -> None:
    """Only here to be a second function of one name."""
