"""What a whole database says: every value of every row as text, to look for what should not be there any more."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg


async def everything(connection: asyncpg.Connection) -> dict[str, str]:
    """All that is stored, by table: rows as text, and what is stored as bytes as the text it may be."""
    tables = await connection.fetch(
        "select c.oid::regclass::text as name, array_agg(a.attname::text) filter (where a.atttypid = 'bytea'::regtype) "
        "as bytes from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by c.oid"
    )
    found: dict[str, str] = {}
    for table in tables:
        parts = ["t::text", *(f"encode(t.{column}, 'escape')" for column in table["bytes"] or ())]
        rows = await connection.fetch(f"select concat_ws(' ', {', '.join(parts)}) as said from {table['name']} t")
        found[table["name"]] = "\n".join(row["said"] for row in rows)
    return found


def stored(url: str) -> dict[str, str]:
    """The same for those who are not in an event loop, or in one of somebody else's."""

    async def ask() -> dict[str, str]:
        connection = await asyncpg.connect(url)
        try:
            return await everything(connection)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, ask()).result()


def where(said: dict[str, str], *markers: str) -> dict[str, list[str]]:
    """In which tables each of the markers is found, in whatever case."""
    found = {}
    for marker in markers:
        tables = [name for name, text in said.items() if marker.lower() in text.lower()]
        if tables:
            found[marker] = sorted(tables)
    return found
