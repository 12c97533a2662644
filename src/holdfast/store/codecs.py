"""How values travel on a connection: `jsonb` as the bytes of its JSON, so that nothing is encoded twice."""

from holdfast.store.connection import Connection

_JSONB_VERSION = b"\x01"


async def prepare(connection: Connection) -> None:
    """Teaches a new connection our codecs."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", format="binary", encoder=_encode, decoder=_decode)


async def prepare_for_lane(connection: Connection) -> None:
    """Makes a connection a lane's own, until it is reset.

    The planner keeps to index look-ups: the desk joins small lists to large tables, and on a fresh, never analysed
    table the planner's guess of a scan halves the desk's figure. No lock is waited for longer than 250 ms: one frozen
    holder must not hold up the lane's other sites.
    """
    await connection.execute(
        "set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off; "
        "set plan_cache_mode = force_generic_plan; set lock_timeout = '250ms'"
    )


def _encode(json: bytes) -> bytes:
    return _JSONB_VERSION + json


def _decode(data: bytes) -> bytes:
    return bytes(data[1:])
