"""Stores over Socket.IO, in the words of the frontend there is: `selectStore`, `triggerManualSync` in, `syncStatus` and
`autoSyncProgress` out. What is told comes from the store's journal, so every process tells it."""

from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.policies.store import Store
from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.realtime.frames import Frame
from holdfast.realtime.socketio_callers import SITE, check_room
from holdfast.realtime.socketio_events import Told
from holdfast.realtime.socketio_rooms import Audience, Client
from holdfast.services.stores import Stores
from holdfast.services.sync.runs import Wish

_STAGES = {"orders": "Syncing orders", "ads": "Syncing ads", "ltv": "Calculating customer LTV"}
_ENDS = {
    "verified": "Sync completed: every row is there",
    "drift": "Sync completed, but the source has other rows",
    "unverifiable": "Sync completed; whether every row is there cannot be known",
    "rejects": "Sync completed; some rows could not be read and are set aside",
    "cancelled": "Sync was stopped",
    "failed": "Sync failed",
    "paused": "Sync failed; the source is left alone for a while",
}
_COMPLETED = frozenset({"verified", "drift", "unverifiable", "rejects"})
_WHOLE = ""
"""Under this name a site's room is told of the site as a whole."""


class _Line(msgspec.Struct):
    run: str
    stage: str = ""
    connection: str | None = None
    state: str = ""
    reason: str | None = None
    done: int | None = None
    total: int | None = None
    eta_s: float | None = None


_line = msgspec.json.Decoder(_Line).decode


def is_store(site: Site) -> bool:
    return site.kind == Store.kind


class StoreActs:
    """What clients may ask of stores."""

    def __init__(self, stores: Stores, audience: Audience) -> None:
        self._stores = stores
        self._audience = audience

    def check_select(self, client: Client, site: Site) -> None:
        """Raises:
        Refusal: `unknown_store`, `unauthorised`, `not_allowed`.
        """
        if not is_store(site):
            raise Refusal("unknown_store", site=site.slug, kind=site.kind)
        check_room(client.caller, SITE, site)

    async def status(self, site: Site, named: str) -> dict[str, Any]:
        """The payload of `syncStatus`."""
        status = await self._stores.status.of(site, watching=self.watching(site.id))
        return {"storeId": named, **msgspec.to_builtins(status)}

    def watching(self, site_id: int) -> int:
        """How many clients of this process listen to a site."""
        return len(self._audience.of_site(site_id))

    async def sync(self, client: Client, site: Site) -> None:
        """Asks for a sync, or joins the one under way.

        Raises:
            Refusal: `no_connections`.
        """
        await self._stores.runs.ask(site, Wish(), actor=client.caller.name, cause="manual")


def told_of_sync(slug: str, frame: Frame) -> Told | None:
    """What is told of a journal line of a store; None for what its clients are not told of."""
    if frame.type not in (events.STARTED, events.PROGRESSED, events.STAGE_ENDED, events.ENDED):
        return None
    try:
        line = _line(frame.data)
    except msgspec.MsgspecError:
        return None
    progress = {"storeId": slug, "run": line.run, **_progress(frame, line)}
    told = Told("autoSyncProgress", frame.version, {_WHOLE: progress})
    if frame.type in (events.STARTED, events.ENDED):
        status = {"storeId": slug, "isSyncing": frame.type == events.STARTED}
        return msgspec.structs.replace(told, then=Told("syncStatus", frame.version, {_WHOLE: status}))
    return told


def _progress(frame: Frame, line: _Line) -> dict[str, Any]:
    if frame.type == events.STARTED:
        return {"stage": "starting", "message": "Automatic sync started"}
    if frame.type == events.ENDED:
        stage = "completed" if line.state in _COMPLETED else "error"
        ended = {"stage": stage, "state": line.state, "message": _ENDS.get(line.state, line.state)}
        return {**ended, "reason": line.reason} if line.reason else ended
    message = _STAGES.get(line.stage, line.stage)
    told: dict[str, Any] = {"stage": line.stage, "message": message, "connection": line.connection}
    if line.state:
        told["state"] = line.state
    if line.done is not None:
        told |= {"done": line.done}
    if line.total:
        # no denominator, no percentage
        told |= {"total": line.total, "progress": round(100 * (line.done or 0) / line.total, 1)}
    if line.eta_s is not None:
        told["eta_s"] = line.eta_s
    return told
