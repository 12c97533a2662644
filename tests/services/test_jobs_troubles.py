"""Jobs whose workers die, limits, why one waits, what people do with them, and tables of days."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs import outcomes as outcomes_of
from holdfast.domain.jobs.outcomes import LOST_MAX
from holdfast.services.jobs import acts, looks
from holdfast.services.jobs.beats import Beats
from holdfast.services.jobs.context import JobContext
from holdfast.services.jobs.crew import Crew, CrewLimits
from holdfast.services.jobs.enqueueing import Options, enqueue, enqueue_batch, enqueue_many
from holdfast.services.jobs.looks import JobFilter
from holdfast.services.jobs.registry import Job, Registry
from holdfast.services.jobs.upkeep import forget, keep_days
from holdfast.store import jobs as store
from tests.services.job_stage import crew_on, db, noop, outcomes, put_forward, registry, stage_of, work

__all__ = ["db", "noop", "registry"]


async def put(db: asyncpg.Pool, job: Job, options: Options | None = None, **args: object) -> int:
    async with db.acquire() as tx, tx.transaction():
        return (await enqueue(tx, job, args, options or Options())).id


async def die(db: asyncpg.Pool, crew: Crew) -> None:
    """As after `kill -9`: no beat any more, and nothing that it had in hand is ever told."""
    await db.execute("update worker set beat_at = now() - interval '11 s' where id = $1", crew.worker_id)
    await crew.abandon()


async def test_the_jobs_of_a_dead_worker_are_taken_again_and_it_costs_no_attempt(db: asyncpg.Pool, registry: Registry):
    gate, ran = asyncio.Event(), []

    @registry.job(retries=0)
    async def slow(ctx: JobContext) -> None:
        ran.append(ctx.attempt)
        await gate.wait()

    id = await put(db, slow)
    async with crew_on(db, registry) as dead, crew_on(db, registry) as alive:
        await work(dead, lambda: ran == [1])
        await die(db, dead)
        assert await alive.beats.rescue() == 1  # type: ignore[attr-defined]
        gate.set()
        await work(alive)
    assert ran == [1, 2]
    assert await outcomes(db, id) == ["lost", "succeeded"]


async def test_a_worker_that_is_only_late_is_not_robbed(db: asyncpg.Pool, registry: Registry, noop: Job):
    async with crew_on(db, registry) as one, crew_on(db, registry) as other:
        await db.execute("update worker set beat_at = now() - interval '8 s' where id = $1", one.worker_id)
        assert await other.beats.rescue() == 0  # type: ignore[attr-defined]
        assert await db.fetchval("select count(*) from worker") == 2


async def test_a_job_that_kills_its_workers_is_set_aside(db: asyncpg.Pool, registry: Registry):
    ran = []

    @registry.job
    async def poison(ctx: JobContext) -> None:
        ran.append(ctx.attempt)
        await asyncio.Event().wait()

    id = await put(db, poison)
    async with crew_on(db, registry) as rescuer:
        for times in range(1, LOST_MAX + 1):
            async with crew_on(db, registry) as victim:
                await put_forward(db)
                await work(victim, lambda times=times: len(ran) == times)
                await die(db, victim)
                assert await rescuer.beats.rescue() == 1  # type: ignore[attr-defined]
        assert await stage_of(db, id) == "dead"
        assert await outcomes(db, id) == ["lost"] * (LOST_MAX - 1) + ["dead"]
        (letter,) = await looks.dead(db, JobFilter())
        assert (letter.reason, letter.lost) == ("quarantined", LOST_MAX - 1)
        assert letter.error is not None and f"as were {LOST_MAX - 1} before it" in letter.error


def test_what_was_lost_together_comes_back_at_once_and_then_apart():
    """Or one that kills its workers would take the same neighbours with it until all are set aside."""
    waits = [[outcomes_of.lost(times, "w", chance).retry_in_s for chance in (0.0, 0.9)] for times in (1, 2, 3)]
    assert waits == [[0.0, 0.0], [0.0, 9.0], [0.0, 18.0]]


async def test_a_job_claimed_by_a_worker_that_was_buried_meanwhile_is_an_orphan_and_found(
    db: asyncpg.Pool, registry: Registry, noop: Job
):
    id = await put(db, noop)
    async with crew_on(db, registry) as ghost, crew_on(db, registry) as alive:
        await work(ghost, lambda: True)
        await db.execute("delete from running")
        await db.execute(
            """insert into running (id, lane, queue, priority, starts_at, name, args, tenant, attempt, attempts_max,
            lost, timeout_s, is_admitted, has_children, created_at, worker_id, started_at) values
            ($1, 0, 'default', 2, now(), 'noop', '{}', '', 1, 10, 0, 9, false, false, now(), 999, now())""",
            id + 1,
        )
        assert await alive.beats.rescue() == 1  # type: ignore[attr-defined]
        assert await stage_of(db, id + 1) == "job"


async def test_a_worker_taken_for_dead_ends_its_handlers_and_begins_anew(db: asyncpg.Pool, registry: Registry):
    ended = asyncio.Event()

    @registry.job
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    id = await put(db, slow)
    async with crew_on(db, registry) as crew:
        first = crew.worker_id
        await work(crew, lambda: crew.running == 1)
        await db.execute("delete from worker")
        crew.beats._beat_at = 0.0  # type: ignore[attr-defined]
        await crew.beats.look()  # type: ignore[attr-defined]
        assert ended.is_set() and crew.running == 0
        assert crew.worker_id not in (None, first)
        assert await outcomes(db, id) == ["lost"], "its own rescue gave it back"


async def test_a_job_claimed_by_a_statement_whose_answer_never_came_is_given_back(
    db: asyncpg.Pool, registry: Registry, noop: Job
):
    """Its worker lives, so nobody would rescue it, and does not know of it, so nobody would run it."""
    id = await put(db, noop)
    async with crew_on(db, registry) as crew:
        for _ in range(2):
            await store.claim(db, crew.worker_id or 0, 10, crew._probing.plan(("default",), 10, is_full=True))
            crew.beats._beat_at = 0.0  # type: ignore[attr-defined]
            assert await stage_of(db, id) == "running", "it may be on its way"
            await crew.beats.look()  # type: ignore[attr-defined]
        await work(crew)
    assert await outcomes(db, id) == ["stopped", "succeeded"]


async def test_a_worker_without_a_worker_row_takes_nothing(db: asyncpg.Pool, registry: Registry, noop: Job):
    id = await put(db, noop)
    async with crew_on(db, registry) as crew:
        await db.execute("delete from worker")
        await crew.take()
        assert await stage_of(db, id) == "job"


async def test_why_a_job_is_not_running(db: asyncpg.Pool, registry: Registry, noop: Job):
    async def why(id: int) -> list[str]:
        return [reason.why for reason in await looks.explain(db, id)]

    first = await put(db, noop)
    assert await why(first) == ["no_worker"]
    async with crew_on(db, registry) as crew:
        assert await why(first) == ["due"]
        second = await put(db, noop)
        assert await why(second) == ["behind"]
        assert (await looks.explain(db, second))[0].says == "1 job is before it in the queue default"
        later = await put(db, noop, Options(delay_s=3600))
        assert await why(later) == ["future"]
        child = await put(db, noop, Options(after=(first, later)))
        told = await looks.explain(db, child)
        assert [reason.why for reason in told] == ["blocked_by_parent"] * 2
        assert told[0].says == f"it waits for job {first}, which is waiting"
        await acts.pause_queue(db, "default", by="ada")
        assert await why(second) == ["queue_paused"]
        assert set(await why(child)) == {"blocked_by_parent", "queue_paused"}
        await acts.resume_queue(db, "default")
        await acts.cancel(db, later, by="ada")
        await work(crew)
        (reason,) = await looks.explain(db, child)
        assert reason.data == {"job": later, "state": "cancelled"} and "only if" in reason.says
        assert await why(first) == []
    async with db.acquire() as tx, tx.transaction():
        batch = await enqueue_batch(tx, "b", [(noop, [{}] * 3)], then=(noop, {}))
    assert batch.then_id is not None
    assert (await looks.explain(db, batch.then_id))[0].data == {"unfinished": 3}
    for id in batch.job_ids:
        await acts.cancel(db, id, by="ada")
    assert await why(batch.then_id) == ["no_worker"]
    assert (await looks.batch(db, batch.id))["cancelled"] == 3
    with pytest.raises(Refusal, match="unknown_job"):
        await looks.explain(db, 10**9)


async def test_a_failed_job_says_when_it_is_tried_again(db: asyncpg.Pool, registry: Registry):
    @registry.job
    async def broken() -> None:
        raise ValueError

    id = await put(db, broken)
    async with crew_on(db, registry) as crew:
        await work(crew)
        (reason,) = await looks.explain(db, id)
        assert reason.why == "retrying" and reason.says.startswith("attempt 1 failed; the next one is at ")


async def test_dead_letters_sent_again_have_an_attempt_and_unique_ones_wait_for_their_key(
    db: asyncpg.Pool, registry: Registry
):
    works = []

    @registry.job(retries=0, unique="name")
    async def fragile() -> None:
        if not works:
            raise ValueError
        works.append("ran")

    id = await put(db, fragile)
    async with crew_on(db, registry) as crew:
        await work(crew)
        assert await stage_of(db, id) == "dead"
        other = await put(db, fragile)
        with pytest.raises(Refusal, match="unknown_job"):
            await acts.redrive(db, ids=[id])
        await acts.cancel(db, other, by="ada")
        works.append("now")
        assert await acts.redrive(db, queue="default") == [id]
        await work(crew)
    assert works == ["now", "ran"] and await outcomes(db, id) == ["dead", "succeeded"]


async def test_a_cancelled_handler_is_ended_and_recorded(db: asyncpg.Pool, registry: Registry):
    @registry.job
    async def slow() -> None:
        await asyncio.Event().wait()

    id = await put(db, slow)
    async with crew_on(db, registry) as crew:
        await work(crew, lambda: crew.running == 1)
        assert (await acts.cancel(db, id, by="ada")).state == "asked"
        with pytest.raises(Refusal):
            await acts.cancel(db, id, by="ada")
        await crew.beats.look()  # type: ignore[attr-defined]
        await work(crew)
    (run,) = await looks.runs(db, JobFilter())
    assert (run.outcome, run.error) == ("cancelled", "cancelled by ada")


async def test_an_open_transaction_of_hours_does_not_make_claims_walk_over_the_dead(
    db: asyncpg.Pool, registry: Registry, noop: Job
):
    """Floors: behind them lie the remains that an old snapshot holds on to."""
    async with db.acquire() as old:
        transaction = old.transaction(isolation="repeatable_read")
        await transaction.start()
        await old.fetchval("select count(*) from job")
        async with db.acquire() as tx:
            await enqueue_many(tx, noop, [{}] * 3_000)
        async with crew_on(db, registry, CrewLimits(capacity=100)) as crew:
            await work(crew)
            late = await put(db, noop)
            await work(crew)
            assert await outcomes(db, late) == ["succeeded"]
        await transaction.rollback()
    assert await db.fetchval("select count(*) from done") == 3_001


async def test_a_job_committed_late_behind_a_floor_is_found(db: asyncpg.Pool, registry: Registry, noop: Job):
    async with crew_on(db, registry) as crew, db.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        early = await enqueue(slow, noop, {})
        for _ in range(20):
            await put(db, noop)
            await work(crew)
        await transaction.commit()
        await work(crew)
        assert await outcomes(db, early.id) == ["succeeded"]


async def test_days_have_tables_of_their_own_and_old_ones_go_whole(db: asyncpg.Pool, registry: Registry, noop: Job):
    id = await put(db, noop)
    async with crew_on(db, registry) as crew:
        await work(crew)
        await asyncio.gather(*(keep_days(db, run_days=30) for _ in range(3)))
        assert await outcomes(db, id) == ["succeeded"], "what lay in the common table has moved along"
        assert await db.fetchval("select count(*) from done_other") == 0
        today = await db.fetchval("select (now() at time zone 'UTC')::date")
        old, after = today - timedelta(days=31), today - timedelta(days=30)
        window = f"from ('{old} 00:00+00') to ('{after} 00:00+00')"
        await db.execute(f"create table done_{old:%Y%m%d} partition of done for values {window}")
        await keep_days(db, run_days=30)
        await keep_days(db, run_days=30)
        tables = await db.fetch("select relname from pg_class where relname ~ '^(done|job_log)_[0-9]{8}$' order by 1")
        assert len(tables) == 8
        more = await put(db, noop)
        await work(crew)
    assert await outcomes(db, more) == ["succeeded"]
    assert await forget(db, tick_days=1) is False


async def test_transactions_that_put_in_ring_once_they_have_committed(db: asyncpg.Pool, registry: Registry, noop: Job):
    from holdfast.services.jobs.nudge import Nudge

    heard: list[tuple[frozenset[str], int]] = []
    nudge = Nudge()
    nudge.listeners.append(lambda queues: heard.append((queues, len(heard))))
    async with db.acquire() as tx:
        async with tx.transaction():
            nudge.after(tx, {"a"})
            nudge.after(tx, {"b"})
            await asyncio.sleep(0.02)
            assert heard == []
        async with asyncio.timeout(2):
            while not heard:
                await asyncio.sleep(0.001)
        assert heard[0][0] == {"a", "b"}
        nudge.after(tx, {"c"})
        assert heard[-1][0] == {"c"}, "without a transaction at once"
    name = f"q{uuid4().hex[:8]}"
    nudge.now({name})
    assert heard[-1][0] == {name}


async def test_two_workers_share_and_double_nothing(db: asyncpg.Pool, registry: Registry):
    ran: list[int] = []

    @registry.job
    async def note(n: int) -> None:
        ran.append(n)

    async with db.acquire() as tx:
        await enqueue_many(tx, note, [{"n": n} for n in range(1_500)])
    async with crew_on(db, registry) as one, crew_on(db, registry) as other:
        await asyncio.gather(work(one), work(other))
        assert one.taken and other.taken
    assert sorted(ran) == list(range(1_500))


async def test_beats_are_named_after_the_process(db: asyncpg.Pool, registry: Registry):
    crew = Crew(db, registry)
    await Beats(crew, name="here").look()
    (worker,) = await looks.workers(db)
    assert worker["name"] == "here" and worker["is_live"]
    await crew.stop(1)
    assert await looks.workers(db) == []
