"""Orders that a shop tells of by itself: signed, at least once, in any order. What they say goes in like a page's rows.

A webhook that comes twice changes nothing the second time, an older one never replaces a newer, and a deletion heard
of before its order keeps it deleted. They make a store fresher between syncs; that it is complete, syncs say.
"""

import base64
import hashlib
import hmac
from datetime import datetime

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.rows import Reject, Unreadable, instant
from holdfast.gateways.shops.shopify_orders import order_of_webhook
from holdfast.gateways.shops.source import SourceError
from holdfast.services.sync.connections import Connections
from holdfast.services.sync.kit import SyncKit
from holdfast.store import orders, runs

TOPICS = ("orders/create", "orders/updated", "orders/edited", "orders/paid", "orders/cancelled", "orders/fulfilled",
          "orders/delete")  # fmt: skip
DELETED = "orders/delete"
KIND = "shopify"


class Heard(msgspec.Struct, frozen=True):
    """A webhook as it arrived. `triggered_at` is when the shop says it happened."""

    topic: str
    signature: str
    body: bytes
    triggered_at: str | None = None


class Taken(msgspec.Struct, frozen=True):
    """What a webhook came to: `changed`, `known` already, or `rejected`."""

    outcome: str


class _Gone(msgspec.Struct):
    id: int | str


class Webhooks:
    """Takes what shops tell."""

    def __init__(self, kit: SyncKit, connections: Connections) -> None:
        self._kit = kit
        self._connections = connections

    async def take(self, site: Site, connection_id: int, heard: Heard) -> Taken:
        """What a webhook says, committed.

        Raises:
            Refusal: `bad_signature`, `unknown_connection`, `invalid_request`.
        """
        row = await self._connections.row(self._kit, site, connection_id)
        try:
            secret = self._connections.secret_of(row) if row.kind == KIND else None
        except SourceError as error:
            raise Refusal("unavailable", problem=error.reason) from None
        if secret is None or secret.webhook_secret is None or not is_signed(heard, secret.webhook_secret):
            raise Refusal("bad_signature")
        if heard.topic not in TOPICS:
            raise Refusal("invalid_request", field="topic", given=heard.topic[:60], possible=list(TOPICS))
        place = orders.Place(site.id, connection_id)
        kit = self._kit
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            seen_at = min(_instant_or(heard.triggered_at, lines.now), lines.now)
            if heard.topic == DELETED:
                gone = _gone_id(heard.body)
                changed = await orders.delete_orders(connection, place, [gone], at=seen_at)
            else:
                order = order_of_webhook(heard.body)
                if isinstance(order, Reject):
                    await orders.set_aside(connection, place, "orders", [order], run_id=None)
                    return Taken("rejected")
                gone = order.id
                changed = (
                    await orders.write_orders(connection, place, orders.packed([order]), seen_at=seen_at)
                ).changed
            if not changed:
                return Taken("known")
            await runs.raise_generation(connection, place, "orders")
            told = {"connection": row.name, "order": gone, "topic": heard.topic}
            lines.add(events.ORDERS_CHANGED, gone, told, actor=f"webhook:{row.name}", cause=heard.topic)
        return Taken("changed")


def is_signed(heard: Heard, secret: str) -> bool:
    """Whether the signature is that of the body, by HMAC-SHA256 with the connection's webhook secret."""
    wanted = base64.b64encode(hmac.new(secret.encode(), heard.body, hashlib.sha256).digest())
    return hmac.compare_digest(wanted, heard.signature.strip().encode())


def _gone_id(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=_Gone).id)
    except (msgspec.MsgspecError, ValueError):
        raise Refusal("invalid_request", field="id", problem="is missing") from None


def _instant_or(text: str | None, otherwise: datetime) -> datetime:
    try:
        return instant(text, "triggered_at")
    except Unreadable:
        return otherwise
