"""Truth is the lease: who is there is read from what was written, whatever else is dead."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from holdfast.domain.actors import Actor
from holdfast.services import presence as module
from holdfast.services.presence import PROCESS_LEASE_S, REST_S, Presence, PresenceRules

ANN, BOB = UUID(int=1), UUID(int=2)


class Clock:
    """Seconds as the process counts them."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def presence(pool: asyncpg.Pool, clock: Clock) -> Presence:
    return Presence(pool, PresenceRules(), clock)


async def status(presence: Presence, who: UUID = ANN) -> str:
    return (await presence.shown([who]))[who][0].status


async def pass_by(pool: asyncpg.Pool, seconds: float) -> None:
    """Lets that much time have passed for all that is written down."""
    span = f"interval '{seconds} s'"
    await pool.execute(
        f"update presence_lease set active_at = active_at - {span}, seen_at = seen_at - {span}, "
        f"expires_at = expires_at - {span}"
    )
    await pool.execute(f"update presence_process set beat_at = beat_at - {span}")
    await pool.execute(f"update presence_connection set since = since - {span}")
    await pool.execute(f"update presence_memory set since = since - {span}")


def person(account_id: UUID) -> Actor:
    return Actor(f"account:{account_id}", "account", account_id)


async def test_a_sign_counts_until_its_lease_ends_with_every_job_dead(pool: asyncpg.Pool, presence: Presence):
    presence.beat(ANN, "laptop")
    assert await status(presence) == "offline"
    await presence.write()
    assert await status(presence) == "active"
    await pass_by(pool, 299)
    assert await status(presence) == "active"
    await pass_by(pool, 2)
    assert await status(presence) == "offline"


async def test_the_last_of_many_signs_wins_and_an_older_one_never_comes_after(
    pool: asyncpg.Pool, presence: Presence, clock: Clock
):
    other = Presence(pool, PresenceRules(), clock)
    other.beat(ANN, "laptop", "busy")
    clock.now_s += 30
    presence.beat(ANN, "laptop", "busy")
    presence.beat(ANN, "laptop", "away")
    await presence.write()
    await other.write()
    assert await status(presence) == "away"
    assert await pool.fetchval("select count(*) from presence_lease") == 1


async def test_devices_are_one_person_and_an_untouched_one_is_away(presence: Presence):
    presence.beat(ANN, "phone", idle_s=700)
    await presence.write()
    assert await status(presence) == "away"
    presence.beat(ANN, "laptop", "busy")
    presence.beat(BOB, "laptop")
    await presence.write()
    assert (await status(presence), await status(presence, BOB)) == ("busy", "active")
    presence.beat(ANN, "laptop", "offline")
    await presence.write()
    assert await status(presence) == "away"


async def test_a_connection_is_a_sign_as_long_as_it_is_open_and_a_little_longer(
    pool: asyncpg.Pool, presence: Presence, clock: Clock
):
    with presence.connected(person(ANN)), presence.connected(person(ANN)):
        await presence.write()
        await pool.execute("update presence_process set beat_at = now() - interval '15 s'")
        assert await status(presence) == "active"
    await presence.write()
    assert await status(presence) == "active"
    clock.now_s += REST_S - 1
    presence.joined(person(ANN))
    clock.now_s += 2
    await presence.write()
    assert await status(presence) == "active"
    presence.parted(person(ANN))
    clock.now_s += REST_S
    await presence.write()
    assert await status(presence) == "offline"
    assert await pool.fetchval("select count(*) from presence_connection") == 0


async def test_a_process_that_dies_takes_its_people_along_within_half_a_minute(pool: asyncpg.Pool, presence: Presence):
    presence.joined(person(ANN))
    await presence.write()
    assert PROCESS_LEASE_S <= 30
    await pass_by(pool, PROCESS_LEASE_S + 0.1)
    assert await status(presence) == "offline"
    assert await presence.mark_offline(0) == 0
    (seen,) = await pool.fetch("select * from presence_seen")
    assert seen["subject_id"] == ANN and seen["last_seen"] is not None
    assert await pool.fetchval("select count(*) from presence_process") == 0


async def test_connections_write_nothing_while_they_stay_open(
    pool: asyncpg.Pool, presence: Presence, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    for number in range(50):
        presence.joined(person(UUID(int=number)))
    await presence.write()
    written = []
    for name in ("write_beats", "add_connections", "remove_connections", "beat_process"):
        call = getattr(module.store, name)

        async def watched(*args: object, name: str = name, call: object = call) -> object:
            written.append(name)
            return await call(*args)  # type: ignore[operator]

        monkeypatch.setattr(module.store, name, watched)
    for _ in range(20):
        clock.now_s += 1
        await presence.write()
    assert written == ["beat_process"] * 4


async def test_after_a_crash_of_the_database_nobody_is_said_to_be_away_until_a_lease_has_passed(
    pool: asyncpg.Pool, presence: Presence, clock: Clock
):
    presence.beat(BOB, "laptop")
    with presence.connected(person(ANN)):
        await presence.write()
        # what a crash leaves of tables that are not logged
        await pool.execute("truncate presence_lease, presence_process, presence_connection, presence_memory")
        assert (await status(presence), await status(presence, BOB)) == ("unknown", "unknown")
        clock.now_s += 5
        await presence.write()
        assert (await status(presence), await status(presence, BOB)) == ("active", "unknown")
        await pass_by(pool, 301)
        await presence.write()
        assert await status(presence, BOB) == "offline"


async def test_what_could_not_be_written_is_written_later_with_its_age(
    pool: asyncpg.Pool, presence: Presence, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    async def fails(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(module.store, "write_beats", fails)
        presence.beat(ANN, "laptop")
        with pytest.raises(ConnectionError):
            await presence.write()
    clock.now_s += 100
    await presence.write()
    left = await pool.fetchval("select extract(epoch from expires_at - now())::float8 from presence_lease")
    assert 195 < left <= 200


async def test_whoever_has_gone_is_written_down_once_with_when_they_were_seen(pool: asyncpg.Pool, presence: Presence):
    for device in ("laptop", "phone"):
        presence.beat(ANN, device)
    presence.beat(BOB, "laptop")
    await presence.write()
    assert await presence.mark_offline(5) == 0
    await pass_by(pool, 400)
    presence.beat(BOB, "phone")
    await presence.write()
    assert await presence.mark_offline(60) == 0
    assert await presence.mark_offline(5) == 1
    assert await presence.mark_offline(5) == 0
    shown = (await presence.shown([ANN]))[ANN][0]
    assert shown.status == "offline" and shown.last_seen is not None
    assert await status(presence, BOB) == "active"


async def test_an_organisation_writes_down_its_own_people_alone(pool: asyncpg.Pool, presence: Presence):
    ours, theirs = [
        await pool.fetchval("insert into organisation (name) values ($1) returning id", name) for name in ("A", "B")
    ]
    for person_id, organisation_id in ((ANN, ours), (BOB, theirs)):
        await pool.execute(
            "insert into account (id, email, name) values ($1, $2, 'x')", person_id, f"{person_id.int}@example.org"
        )
        await pool.execute(
            "insert into membership (account_id, organisation_id, role, granted_by) values ($1, $2, 'staff', 't')",
            person_id, organisation_id,
        )  # fmt: skip
        presence.beat(person_id, "laptop")
    await presence.write()
    await pass_by(pool, 400)
    assert await presence.mark_offline(5, ours) == 1
    assert [row["subject_id"] for row in await pool.fetch("select subject_id from presence_lease")] == [BOB]
    assert await presence.mark_offline(5) == 1


async def test_a_stop_in_order_says_nothing_of_those_who_are_connected(pool: asyncpg.Pool, presence: Presence):
    presence.joined(person(ANN))
    await presence.write()
    presence.parted(person(ANN))
    await presence.write()
    again = Presence(pool, PresenceRules())
    assert await status(again) == "active"


async def test_what_one_says_of_oneself_is_shown_while_one_is_there(presence: Presence):
    who = uuid4()
    told = await presence.say(person(who), "busy", None)
    assert (told.status, told.said) == ("offline", "busy")
    presence.beat(who, "laptop")
    await presence.write()
    assert await status(presence, who) == "busy"
    assert (await presence.say(person(who), None, None)).status == "active"
