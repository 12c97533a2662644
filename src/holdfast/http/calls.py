"""Calls on the desk, as HTTP: a decoded request and its headers become a command, its answer becomes a reply.

The desk's answer goes out byte for byte as it was stored. Refuses to know of any web framework.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from holdfast.domain.actors import Actor, guest_of, may
from holdfast.domain.actors import check as check_right
from holdfast.domain.commands import Act, Book, Check, Command
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import parse_instant, zone
from holdfast.domain.sites import Site
from holdfast.http.bodies import decode, read_body
from holdfast.http.context import Context
from holdfast.http.errors import STATUS, Headers, problem
from holdfast.services.identity import new_id, now_ms
from holdfast.services.recurring import series_command
from holdfast.services.requests import BookingRequest, book_command
from holdfast.services.waiting import Answer

Reply = tuple[int, Headers, bytes]

_KEY = re.compile(rb"[\x20-\x7e]{1,200}")
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,18})"|([0-9]{1,18})')
_canonical = msgspec.json.Encoder(order="deterministic").encode
_encode = msgspec.json.Encoder().encode


class _Head(msgspec.Struct):
    """As much of an answer as headers are made of."""

    id: str = ""
    version: int = 0


_read_head = msgspec.json.Decoder(_Head).decode
_booking_decoder = msgspec.json.Decoder(BookingRequest)


async def submit(
    context: Context, caller: Actor, site: Site, command: Command, *,
    headers: dict[bytes, bytes], said: object, key_of: str | None = None,
) -> Answer:  # fmt: skip
    """The desk's answer to a command. `said` is the request it was made of: with an Idempotency-Key its canonical
    form tells a repetition from another request.

    Raises:
        Refusal: as the desk's.
    """
    key, body_hash = None, b""
    given = headers.get(b"idempotency-key")
    if given is not None and type(command) is not Check:
        if not _KEY.fullmatch(given):
            _refuse("Idempotency-Key", "must be 1 to 200 printable ASCII characters")
        # two callers may choose the same key; they must not learn of each other by it
        key = f"{key_of or caller.name}:{given.decode()}"
        body_hash = hashlib.sha256(_canonical(said)).digest()
    try:
        return await context.desk.submit(site.id, command, actor=caller.name, key=key, body_hash=body_hash)
    except Refusal as refusal:
        if refusal.code == "key_reused" and given is not None:
            raise Refusal("key_reused", key=given.decode()) from None
        raise


async def post_booking(context: Context, scope: Any, named: str, receive: Any, headers: dict[bytes, bytes]) -> Reply:
    """POST /sites/{site}/bookings: the one request that there are most of. Who may book for anybody does; others for
    themselves.

    Raises:
        Refusal, EdgeError: nothing was booked.
    """
    caller: Actor = scope["user"]
    site = await find_site(context, caller, named)
    held = scope["holdfast.rights"] = check_right(caller, "own", site)
    body = await read_body(receive, headers, context.limits.body_bytes_max)
    request = decode(_booking_decoder, body or b"{}")
    return await book(context, caller, site, request, held=held, headers=headers)


async def book(
    context: Context, caller: Actor, site: Site, request: BookingRequest, *,
    held: frozenset[str], headers: dict[bytes, bytes],
) -> Reply:  # fmt: skip
    """Books for anybody, for who may (`held`); else for oneself.

    Raises:
        Refusal: nothing was booked.
    """
    if "book" not in held:
        return await _post_own(context, caller, site, request, headers)
    if request.recurrence is not None:
        return await _post_series(context, caller, site, request, headers)
    at_ms = now_ms()
    now = datetime.fromtimestamp(at_ms / 1000, UTC)
    command = book_command(site, request, id=new_id(at_ms), now=now)
    said = ("book", request) if b"idempotency-key" in headers else None
    answer = await submit(context, caller, site, command, headers=headers, said=said)
    return reply(answer, location=f"/api/sites/{site.slug}/bookings/")


def key_holder(caller: Actor, wish: BookingRequest) -> str:
    """Whose an Idempotency-Key is. A guest is nobody before the booking is made: their key is told from others' by
    what they say of themselves."""
    return caller.name if caller.is_known else f"guest:{wish.customer.email if wish.customer else ''}"


async def find_site(context: Context, caller: Actor, named: str) -> Site:
    """The site of that name; whether there is one is not for unknown people to find out.

    Raises:
        Refusal: `unknown_site`, `unauthorised`.
    """
    try:
        return await context.sites.find(named)
    except Refusal:
        if not caller.is_known:
            raise Refusal("unauthorised") from None
        raise


async def _post_own(
    context: Context, caller: Actor, site: Site, request: BookingRequest, headers: dict[bytes, bytes]
) -> Reply:
    """A booking for oneself: in one's own name, by the site's rules, and with a secret link for who has no account."""
    at_ms = now_ms()
    id = new_id(at_ms)
    asking = caller if caller.is_known else guest_of(id)
    wish = await context.own.request(asking, site, request)
    command = book_command(site, wish, id=id, now=datetime.fromtimestamp(at_ms / 1000, UTC))
    said = ("own", request) if b"idempotency-key" in headers else None
    answer = await submit(
        context, asking, site, command, headers=headers, said=said, key_of=key_holder(caller, wish)
    )  # fmt: skip
    status, more, body = reply(answer, location=f"/api/sites/{site.slug}/bookings/")
    if not caller.is_known:
        made = _read_head(answer.body).id
        more.append((b"booking-key", (await context.links.key(site, UUID(made))).encode()))
    return status, more, body


async def _post_series(
    context: Context, caller: Actor, site: Site, request: BookingRequest, headers: dict[bytes, bytes]
) -> Reply:
    assert request.recurrence is not None
    if request.recurrence.preview:
        return await preview(context, caller, site, request)
    command, _ = series_command(site, request)
    answer = await submit(context, caller, site, command, headers=headers, said=("book", request))
    return reply(answer)


async def preview(context: Context, caller: Actor, site: Site, request: BookingRequest) -> Reply:
    """What a series would come to, date by date; nothing is booked."""
    command, dates = series_command(site, request)
    skipping = msgspec.structs.replace(command, skip=True)
    answer = await context.desk.submit(site.id, Check(skipping), actor=caller.name)
    results = msgspec.json.decode(answer.body)["results"]
    lines = []
    for day, result in zip(dates, results, strict=True):
        refused = result.get("refused")
        if refused is None:
            lines.append({"date": day, "allowed": True, "would_be": result})
        else:
            told = _told(refused["code"], refused["data"], sees=may(caller, "names", site))
            lines.append({"date": day, "allowed": False, **told})
    conflicts = sum(not line["allowed"] for line in lines)
    return plain(200, {"dates": lines, "count": len(lines), "conflicts": conflicts}, answer.version)


async def check(context: Context, caller: Actor, site: Site, command: Book | Act) -> Reply:
    """May I? 200 either way; only what cannot be asked at all is a problem."""
    try:
        answer = await context.desk.submit(site.id, Check(command), actor=caller.name)
    except Refusal as refusal:
        if STATUS.get(refusal.code, 409) in (400, 401, 503):
            raise
        return plain(200, {"allowed": False, **_told(refusal.code, refusal.data, sees=may(caller, "names", site))})
    return reply(answer)


def _told(code: str, data: dict[str, Any], *, sees: bool) -> dict[str, Any]:
    _, _, body = problem(Refusal(code, **data), staff=sees)
    told: dict[str, Any] = msgspec.json.decode(body)
    return {name: value for name, value in told.items() if name not in ("type", "status")}


def reply(answer: Answer, *, location: str | None = None) -> Reply:
    """The answer as it stands, with the journal version and, for one object, its own version."""
    headers: Headers = [(b"holdfast-version", b"%d" % answer.version)]
    if location is not None:
        head = _read_head(answer.body)
        headers.append((b"etag", b'"%d"' % head.version))
        headers.append((b"location", (location + head.id).encode()))
    if answer.replayed:
        headers.append((b"holdfast-replayed", b"true"))
    return answer.status, headers, answer.body


def plain(status: int, value: object, version: int | None = None) -> Reply:
    """A reply of our own making."""
    headers: Headers = [] if version is None else [(b"holdfast-version", b"%d" % version)]
    return status, headers, _encode(value)


def if_version(headers: dict[bytes, bytes]) -> int | None:
    """The version that If-Match names; None when it names none or any.

    Raises:
        Refusal: `invalid_request` when it is malformed.
    """
    given = headers.get(b"if-match")
    if given is None or given.strip() == b"*":
        return None
    match = _VERSION.fullmatch(given.decode("latin-1").strip())
    if match is None:
        _refuse("If-Match", 'must be one version, such as "42"')
    return int(match[1] or match[2])


def id_of(text: str, code: str, name: str) -> UUID:
    """The id in an address.

    Raises:
        Refusal: `code`, when it is none: then there is nothing of that id.
    """
    try:
        return UUID(text)
    except ValueError:
        raise Refusal(code, **{name: text[:64]}) from None


def instant_of(text: str | None, field: str) -> datetime | None:
    """The instant that a request names, in UTC when it says no offset; None for none.

    Raises:
        Refusal: `invalid_time`.
    """
    return None if text is None else parse_instant(text, zone("UTC"), field=field).instant


def _refuse(name: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=name, problem=problem)
