"""Passwords: hashed with argon2id, a bounded number at a time, and refused when everybody would guess them.

Hashing takes 64 MiB and tens of milliseconds on purpose; it runs in threads, so that nobody else waits for it, and
never more than a few at once, so that guesses cannot use up the machine.
"""

import asyncio
import re
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from holdfast.domain.errors import Refusal
from holdfast.domain.people import password_of

AT_ONCE_MAX = 2
WAIT_S = 10.0
SCORE_MIN = 2
"""Of zxcvbn's 0 to 4: below this it is among the guesses of the first minutes."""
_SCORED_CHARS_MAX = 72
"""Its cost grows fast with the length, and what is longer is strong enough unless it repeats itself."""

T = TypeVar("T")
_hasher = PasswordHasher()


class Passwords:
    """Hashes and checks. One per process."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def hashed(self, text: str, *, near: tuple[str, ...] = ()) -> str:
        """The hash of a new password. `near` are words that it must not be made of, such as the own name.

        Raises:
            Refusal: `weak_password`; `busy` when too many wait.
        """
        password = password_of(text)
        return await self._run(_strong_hash, password, near)

    async def is_right(self, text: str, password_hash: str | None) -> bool:
        """Whether a password is the one. Without a hash, as for an account that does not exist, it takes as long.

        Raises:
            Refusal: `busy`.
        """
        try:
            password = password_of(text)
        except Refusal:
            password = ""
        return await self._run(_verified, password, password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was hashed with less effort than is the custom now."""
        return _hasher.check_needs_rehash(password_hash)

    async def rehashed(self, text: str) -> str:
        return await self._run(_hasher.hash, password_of(text))

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise Refusal("busy", retry_after_s=5, problem="too many people are signing in just now") from None
        try:
            return await asyncio.to_thread(work, *arguments)
        finally:
            self._turn.release()


def _strong_hash(password: str, near: tuple[str, ...]) -> str:
    found = zxcvbn(password[:_SCORED_CHARS_MAX], user_inputs=["holdfast", *_words(near)])
    if found["score"] < SCORE_MIN:
        advice = found["feedback"]["warning"] or "It is among the first that somebody would guess."
        problem = f"is too easy to guess. {advice} A few unrelated words in a row are best"
        raise Refusal("weak_password", field="password", problem=problem)
    return _hasher.hash(password)


def _words(near: tuple[str, ...]) -> list[str]:
    """Names and addresses as people make passwords of them: whole, in parts, and run together."""
    found = dict.fromkeys(near)
    for text in near:
        parts = [part for part in re.split(r"[\W_]+", text) if part]
        found.update(dict.fromkeys([*parts, "".join(parts)]))
    return list(found)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody's password, hashed so that a wrong address takes as long as a wrong password")


def _verified(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
