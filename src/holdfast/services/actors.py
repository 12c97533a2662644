"""Who is behind the names that the journal and the account log say: people and programs of one organisation.

The journal never says a person's name, so that a person can be forgotten and the journal stays. Refuses to tell of
anybody whom the organisation does not know; whoever was erased is nobody.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from holdfast.domain.actors import account_name
from holdfast.domain.errors import Refusal
from holdfast.store import persons as store
from holdfast.store.accounts import Source
from holdfast.store.people import LogLine

NAMES_MAX = 500
_ACCOUNT, _TOKEN = "account:", "token:"


async def names(source: Source, organisation_id: UUID, actors: Iterable[str]) -> dict[str, str]:
    """How these actors are called; those nobody knows are left out.

    Raises:
        Refusal: `invalid_request` for too many.
    """
    wanted = set(actors)
    if len(wanted) > NAMES_MAX:
        raise Refusal("invalid_request", field="name", expected=f"at most {NAMES_MAX}")
    people = await store.names_of_accounts(source, organisation_id, _ids(wanted, _ACCOUNT))
    programs = await store.names_of_tokens(source, organisation_id, _ids(wanted, _TOKEN))
    found = {account_name(account_id): name for account_id, name in people.items()}
    return found | {f"{_TOKEN}{token_id}": name for token_id, name in programs.items()}


async def of_lines(source: Source, organisation_id: UUID, lines: Collection[LogLine]) -> dict[str, str]:
    """The names of those whom a page of the account log tells of: who did something, and to whom."""
    told = {line.actor for line in lines}
    told |= {account_name(line.account_id) for line in lines if line.account_id is not None}
    found: dict[str, str] = {}
    wanted = sorted(told)
    for start in range(0, len(wanted), NAMES_MAX):
        found |= await names(source, organisation_id, wanted[start : start + NAMES_MAX])
    return found


def _ids(actors: Iterable[str], kind: str) -> list[UUID]:
    found = []
    for actor in actors:
        if actor.startswith(kind):
            try:
                found.append(UUID(actor.removeprefix(kind)))
            except ValueError:
                continue  # somebody else's word for somebody
    return found
