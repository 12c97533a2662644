"""What can go wrong, as a caller has to tell it apart.

HoldfastError
├── Refused      the server said no, and why: nothing was changed
├── NoAnswer     nobody answered in the time there was; `may_have_happened` says whether it may be done all the same
├── Broken       what answered does not speak as Holdfast does
└── Gap          a stream left something out: take a new snapshot
"""

from typing import Any


class HoldfastError(Exception):
    """The base of them all."""


class Refused(HoldfastError):
    """The server's no: `code` to decide by, `detail` to show, `data` its whole problem document."""

    def __init__(self, code: str, status: int, detail: str, data: dict[str, Any], retry_after_s: float | None = None):
        super().__init__(f"{detail} [{code}]")
        self.code = code
        self.status = status
        self.detail = detail
        self.data = data
        self.retry_after_s = retry_after_s


class NoAnswer(HoldfastError):
    """No answer, after so many attempts. Send it again with the same `key` to learn whether it was done."""

    def __init__(self, said: str, *, attempts: int, key: str | None, may_have_happened: bool) -> None:
        super().__init__(said)
        self.attempts = attempts
        self.key = key
        self.may_have_happened = may_have_happened


class Broken(HoldfastError):
    """Not an answer of Holdfast: another program's page, an answer or event beyond the bounds."""


class Gap(HoldfastError):
    """What came does not follow on what came before."""

    def __init__(self, known: str, came: str) -> None:
        super().__init__(f"{came} does not follow on {known}")
        self.known = known
        self.came = came
