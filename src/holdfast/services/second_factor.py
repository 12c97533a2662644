"""The second factor: codes that change every half minute (RFC 6238), and codes on paper for the day the phone is lost.

A code counts once, and so does everything older. The secret is sealed with a key that is not in the database.
"""

import secrets
from uuid import UUID

import msgspec
import pyotp
import segno

from holdfast.domain.actors import Actor
from holdfast.domain.errors import Refusal
from holdfast.services.access import hash_of
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts, check_password
from holdfast.services.identity import now_ms
from holdfast.services.sealing import SealingError, keyless
from holdfast.store import accounts as store

ISSUER = "Holdfast"
STEP_S = 30
DRIFT_STEPS = 1
"""How far a phone's clock may be off, before and after."""
RECOVERY_CODES = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_CHARS = 10
_THERE = "there is a second factor already; give it up first"
_BEGIN = "begin with a new secret"


class Begun(msgspec.Struct, frozen=True):
    """What an authenticator app needs: as text, as an address, and as a picture (SVG) of that."""

    secret: str
    uri: str
    svg: str


async def begin(accounts: Accounts, actor: Actor) -> Begun:
    """Shows a new secret; it counts once a code of it is confirmed.

    Raises:
        Refusal: `already_exists` when there is one already, `unauthorised`, `unavailable` without a key to seal with.
    """
    account = await accounts.account(actor)
    if account.has_second_factor:
        raise Refusal("already_exists", problem=_THERE)
    secret = pyotp.random_base32()
    sealed = accounts.sealing.seal_or_refuse(secret.encode(), _about(account.id))
    async with accounts.changing() as connection:
        # confirmed by another request meanwhile: it must not be lost by this one
        if not await store.begin_totp(connection, account.id, sealed):
            raise Refusal("already_exists", problem=_THERE)
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name=ISSUER)
    svg = segno.make(uri, error="m").svg_inline(scale=4, border=2)
    return Begun(secret, uri, svg)


async def confirm(accounts: Accounts, actor: Actor, code: str, *, address: str) -> list[str]:
    """Makes the second factor count, and returns its recovery codes: shown once, never again.

    Raises:
        Refusal: `wrong_credentials`, `wrong_state` when none was begun, `too_many_requests`, `unauthorised`.
    """
    account = await accounts.account(actor)
    if account.totp_secret is None or account.has_second_factor:
        raise Refusal("wrong_state", problem=_BEGIN)
    await accounts.throttle.check("code", str(account.id), address)
    step = _step_of(accounts, account, code)
    if step is None:
        raise Refusal("wrong_credentials", field="code")
    await accounts.throttle.succeed("code", str(account.id), address)
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_CHARS)) for _ in range(RECOVERY_CODES)]
    async with accounts.changing() as connection:
        hashes = [hash_of(one) for one in codes]
        if not await store.confirm_totp(connection, account.id, account.totp_secret, step, hashes):
            raise Refusal("wrong_state", problem=_BEGIN)
        await note(connection, actor, "second_factor_on", account_id=account.id)
    return [f"{one[:5]}-{one[5:]}" for one in codes]


async def give_up(accounts: Accounts, actor: Actor, password: str, *, address: str) -> None:
    """Ends the second factor, for who knows the password.

    Raises:
        Refusal: `wrong_credentials`, `nothing_to_change`, `too_many_requests`, `unauthorised`.
    """
    account = await accounts.account(actor)
    if account.totp_secret is None:
        raise Refusal("nothing_to_change")
    await check_password(accounts, account, password, address=address)
    async with accounts.changing() as connection:
        await store.end_totp(connection, account.id)
        await note(connection, actor, "second_factor_off", account_id=account.id)


async def is_right_code(accounts: Accounts, account: store.Account, code: str, *, address: str | None) -> bool:
    """Whether this is a code of the account's second factor, or one of its recovery codes; either counts once."""
    given = code.strip().replace(" ", "").replace("-", "").lower()
    if len(given) == _CODE_CHARS:
        if not await store.use_recovery_code(accounts.pool, account.id, hash_of(given)):
            return False
        actor = Actor("nobody", "nobody")
        await note(accounts.pool, actor, "recovery_code_used", account_id=account.id, address=address)
        return True
    step = _step_of(accounts, account, given)
    return step is not None and await store.use_totp_step(accounts.pool, account.id, step)


def _step_of(accounts: Accounts, account: store.Account, code: str) -> int | None:
    """The step of time that a code is for, None when it is for none about now.

    Raises:
        Refusal: `unavailable` when the key that opens its secret is not here.
    """
    given = code.strip().replace(" ", "")
    if account.totp_secret is None or len(given) != 6 or not given.isascii() or not given.isdigit():
        return None
    try:
        totp = pyotp.TOTP(accounts.sealing.open(account.totp_secret, _about(account.id)).decode())
    except SealingError as error:
        raise keyless(error, instead="; sign in with a recovery code") from error
    now = now_ms() // 1000 // STEP_S
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if secrets.compare_digest(totp.generate_otp(step), given):
            return step
    return None


async def reseal(accounts: Accounts) -> int:
    """Seals all second factors with the newest key; how many. Those that no key opens stay."""
    count = 0
    async with accounts.changing() as connection:
        for account_id, sealed in await store.sealed(connection):
            fresh = accounts.sealing.resealed(sealed, _about(account_id))
            if fresh is not None:
                count += 1
                await store.set_sealed(connection, account_id, fresh)
    return count


def _about(account_id: UUID) -> bytes:
    return b"totp:" + account_id.bytes
