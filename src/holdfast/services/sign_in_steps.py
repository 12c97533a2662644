"""What stands between the two steps of signing in on a page: that the password was right, sealed, for a few minutes.

A page without scripts has to send the password again with the code of the second factor. It keeps it as a text that
only this server can open, so that it stands in no page, and what opens it is no sign-in: the code is asked for as ever.
"""

import base64
import binascii

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.services.accounts import Accounts
from holdfast.services.identity import now_ms
from holdfast.services.sealing import SealingError

STEP_LIFE_MS = 10 * 60 * 1000
STEP_CHARS_MAX = 4_000
_ABOUT = b"sign-in step"


class Step(msgspec.Struct, frozen=True):
    """What was given in the first step."""

    email: str
    password: str
    at_ms: int


def kept(accounts: Accounts, email: str, password: str) -> str:
    """The first step as a text for the page.

    Raises:
        Refusal: `unavailable` when there is no key to seal with.
    """
    sealed = accounts.sealing.seal_or_refuse(msgspec.json.encode(Step(email, password, now_ms())), _ABOUT)
    return base64.urlsafe_b64encode(sealed).decode()


def taken_up(accounts: Accounts, text: str) -> Step:
    """The first step of a page that sends the code.

    Raises:
        Refusal: `link_used` when it is older than a few minutes, or none of ours.
    """
    try:
        sealed = base64.urlsafe_b64decode(text[:STEP_CHARS_MAX].encode())
        step = msgspec.json.decode(accounts.sealing.open(sealed, _ABOUT), type=Step)
    except (SealingError, binascii.Error, ValueError, msgspec.MsgspecError):
        raise Refusal("link_used") from None
    if not 0 <= now_ms() - step.at_ms <= STEP_LIFE_MS:
        raise Refusal("link_used")
    return step
