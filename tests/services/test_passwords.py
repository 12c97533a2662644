"""Passwords: hashed with effort, a few at a time, refused when they are guessed first, and that is all."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.domain.people import password_of
from holdfast.services import passwords
from holdfast.services.passwords import AT_ONCE_MAX, Passwords
from tests.people import PASSWORD, refused
from tests.people import fast as fast


async def test_a_hash_is_argon2id_and_opens_for_its_password_only() -> None:
    hashed = await Passwords().hashed(PASSWORD)
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$") and PASSWORD not in hashed
    checking = Passwords()
    assert await checking.is_right(PASSWORD, hashed)
    for wrong in (PASSWORD.upper(), PASSWORD + " ", "", "x" * 10_000, "\x00" * 12):
        assert not await checking.is_right(wrong, hashed)
    for broken in ("", "no hash", "$argon2id$v=19$m=8,t=1,p=1$x$y", hashed[:-1]):
        assert not await checking.is_right(PASSWORD, broken)
    assert not await checking.is_right("nobody's password, hashed so that a wrong address takes as long as a wrong "
                                       "password", None)  # fmt: skip


@pytest.mark.parametrize("weak", [
    "short", "password12", "qwertyuiop", "aaaaaaaaaaaa", "1234567890", "holdfast12", "ann@example.org", "annlee1999",
    "x" * 257, " " * 12,
])  # fmt: skip
async def test_what_everybody_would_guess_is_refused(weak: str) -> None:
    with refused("weak_password"):
        await Passwords().hashed(weak, near=("ann@example.org", "Ann Lee"))


@pytest.mark.usefixtures("fast")
async def test_no_rule_of_composition_and_every_keyboards_letters() -> None:
    made = Passwords()
    for good in (PASSWORD, "пять тихих фонарей", "灯籠が静かに流れる夜の川辺", "tr0ub4dor&3 zebra"):
        assert await made.is_right(good, await made.hashed(good))
    composed, decomposed = "sieben Fu\u0308chse im Ta\u0308l", "sieben Füchse im Täl"
    assert await made.is_right(composed, await made.hashed(decomposed))


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_text_is_a_password_or_a_refusal(text: str) -> None:
    try:
        found = password_of(text)
    except Refusal as refusal:
        assert refusal.code == "weak_password"
    else:
        assert 10 <= len(found) <= 256


@pytest.mark.usefixtures("fast")
@given(st.text(min_size=1, max_size=300), st.text(max_size=260))
@settings(deadline=None, max_examples=60)
def test_scoring_a_password_never_fails_otherwise(text: str, near: str) -> None:
    async def work() -> None:
        try:
            await Passwords().hashed(text, near=(near,))
        except Refusal as refusal:
            assert refusal.code == "weak_password"

    asyncio.run(work())


async def test_never_more_than_a_few_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock, go_on = 0, 0, threading.Lock(), threading.Event()

    def slow(password: str, password_hash: str | None) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == AT_ONCE_MAX:
                go_on.set()
        go_on.wait(10)
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(passwords, "_verified", slow)
    made = Passwords()
    await asyncio.gather(*(made.is_right(PASSWORD, None) for _ in range(12)))
    assert most == AT_ONCE_MAX
    monkeypatch.setattr(passwords, "WAIT_S", 0.05)
    stuck = threading.Event()
    monkeypatch.setattr(passwords, "_verified", lambda *_: stuck.wait(10))
    busy = [asyncio.create_task(made.is_right(PASSWORD, None)) for _ in range(AT_ONCE_MAX)]
    await asyncio.sleep(0)
    with refused("busy"):
        await made.is_right(PASSWORD, None)
    stuck.set()
    await asyncio.gather(*busy)
