"""`account` and `token`: who may sign in and which programs may ask, from the machine that the database is on."""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import click
from rich.table import Table

from holdfast import app
from holdfast.cli.running import database_options, in_one_line, out, run, settings_of
from holdfast.domain.actors import CONSOLE, RIGHTS, TEAM
from holdfast.services import account_administration as administration
from holdfast.services import person_export, persons, tokens
from holdfast.services.account_log import note
from holdfast.services.paging import PAGE_ROWS_MAX
from holdfast.settings import Settings

T = TypeVar("T")
# running the server is nobody's right in an organisation
SCOPES = [right for right in RIGHTS if right != "server"]
_of_organisation = click.option("--organisation", help="Id of the organisation (default: the first there is).")
_at_site = click.option("--site", help="Slug or id of the one site that it is for (default: all of the organisation).")


@click.group()
def account() -> None:
    """Make an account, let somebody back in, close one; hand out or forget what is kept of a person.

    \b
    Example: holdfast account create ann@example.org --name "Ann Smith"
    """


@account.command("create")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", type=click.Choice(TEAM), default="owner", help="What they may (default: owner).")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead.")
@_of_organisation
@_at_site
@database_options
def create(email: str, name: str, role: str, password_stdin: bool, **flags: str | None) -> None:
    """Make an account with a role; prints a link that signs in once, where a password can be set.

    \b
    Example: holdfast account create ann@example.org --name "Ann Smith" --role manager --site main-street
    """
    organisation, site = flags.pop("organisation"), flags.pop("site")
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None

    async def work(house: app.House) -> str | None:
        place = await administration.place(house.reads, house.sites, organisation, site)
        return await administration.make_account(
            house.accounts, place, email=email, name=name, role=role, password=password
        )

    link = _done(settings_of(**flags), work)
    out.print(f"{email} is {role} now.", highlight=False)
    if link is not None:
        out.print(f"Sign in with this link; it works once: {link}", soft_wrap=True, highlight=False)


@account.command("reset")
@click.argument("email")
@click.option("--second-factor", is_flag=True, help="Take the second factor away as well.")
@database_options
def reset(email: str, second_factor: bool, **flags: object) -> None:
    """Print a link by which a person sets a new password; ends all of their sessions once it is used.

    \b
    Example: holdfast account reset ann@example.org
    """
    link = _done(
        settings_of(**flags),
        lambda house: administration.reset_account(house.accounts, email, second_factor=second_factor),
    )
    out.print(f"Set a new password with this link; it works once: {link}", soft_wrap=True, highlight=False)


@account.command("disable")
@click.argument("email")
@click.option("--enable", is_flag=True, help="Open it again instead.")
@database_options
def disable(email: str, enable: bool, **flags: object) -> None:
    """Close an account: its sessions end at once, its tokens count no more. What it did stays in the journal.

    \b
    Example: holdfast account disable ann@example.org
    """
    _done(
        settings_of(**flags), lambda house: administration.disable_account(house.accounts, email, disabled=not enable)
    )
    out.print(f"{email} can sign in again." if enable else f"{email} can no longer sign in.", highlight=False)


@account.command("export")
@click.argument("email")
@_of_organisation
@database_options
def export(email: str, organisation: str | None, **flags: object) -> None:
    """Print all that is kept of a person as one JSON document: account, bookings with their history, mails, log lines.

    \b
    Example: holdfast account export ann@example.org > ann.json
    """

    async def work(house: app.House) -> None:
        place = await administration.place(house.reads, house.sites, organisation, None)
        person = await persons.find(house.accounts, CONSOLE, place.organisation_id, persons.Named(email))
        await note(
            house.reads, CONSOLE, "account_exported", organisation_id=place.organisation_id,
            account_id=person.account.id if person.account is not None else None,
        )  # fmt: skip
        async for part in person_export.document(house.reads, person):
            click.echo(part, nl=False)
        click.echo()

    _done(settings_of(**flags), work)


@account.command("erase")
@click.argument("email")
@click.option("--reason", required=True, help="Why; it is kept, so it must not name the person.")
@click.option("--include-live", is_flag=True, help="Also of live bookings, which then go on without a name.")
@_of_organisation
@database_options
def erase(email: str, reason: str, include_live: bool, organisation: str | None, **flags: object) -> None:
    """Forget a person: name, address, notes and details go from bookings, journal, mails and account. What happened
    stays, without whose it was. If it is broken off, run it again.

    \b
    Example: holdfast account erase ann@example.org --reason "asked on 3 May"
    """

    async def work(house: app.House) -> persons.Erased:
        place = await administration.place(house.reads, house.sites, organisation, None)
        person = await persons.find(house.accounts, CONSOLE, place.organisation_id, persons.Named(email))
        erasing = persons.Erasing(house.accounts, house.desk, person, by=CONSOLE, within_s=None)
        return await erasing.run(reason, include_live=include_live)

    done = _done(settings_of(**flags), work)
    account = "the account" if done.account else "no account"
    out.print(f"Forgotten: {done.bookings} bookings, {done.answers} answers, {account}. Backups still hold them.")


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of programs.

    \b
    Example: holdfast token create "lobby screen" --scopes public,read,names
    """


@token.command("create")
@click.argument("name")
@click.option("--scopes", required=True, help=f"What it may, with commas: {', '.join(SCOPES)}.")
@click.option("--days", type=click.IntRange(1, 3660), help="How long it works (default: until it is revoked).")
@_of_organisation
@_at_site
@database_options
def create_token(name: str, scopes: str, days: int | None, **flags: str | None) -> None:
    """Make a token for a program and print it: this once, never again.

    \b
    Example: holdfast token create "lobby screen" --scopes public,read --site main-street
    """
    organisation, site = flags.pop("organisation"), flags.pop("site")
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]

    async def work(house: app.House) -> tokens.TokenView:
        place = await administration.place(house.reads, house.sites, organisation, site)
        now: datetime = await house.reads.fetchval("select now()")
        expires_at = now + timedelta(days=days) if days is not None else None
        return await tokens.make(house.accounts, CONSOLE, place, name=name, scopes=wanted, expires_at=expires_at)

    click.echo(_done(settings_of(**flags), work).token)


@token.command("list")
@_of_organisation
@database_options
def list_tokens(organisation: str | None, **flags: object) -> None:
    """List the tokens of an organisation, with when each was last used.

    \b
    Example: holdfast token list
    """

    async def work(house: app.House) -> tokens.TokenPage:
        place = await administration.place(house.reads, house.sites, organisation, None)
        return await tokens.page(house.accounts, CONSOLE, place.organisation_id, cursor=None, limit=PAGE_ROWS_MAX)

    table = Table("id", "name", "scopes", "last used", "expires", "revoked")
    for line in _done(settings_of(**flags), work).tokens:
        table.add_row(
            str(line.id), line.name, " ".join(line.scopes), _said(line.used_at), _said(line.expires_at),
            _said(line.revoked_at),
        )  # fmt: skip
    out.print(table)


@token.command("revoke")
@click.argument("token_id", type=click.UUID)
@_of_organisation
@database_options
def revoke(token_id: UUID, organisation: str | None, **flags: object) -> None:
    """Revoke a token: it counts no more, at once.

    \b
    Example: holdfast token revoke 0199d1c2-7a5e-7c3e-8f00-2f6a0c1d9b11
    """

    async def work(house: app.House) -> tokens.TokenView:
        place = await administration.place(house.reads, house.sites, organisation, None)
        return await tokens.revoke(house.accounts, CONSOLE, place.organisation_id, token_id)

    out.print(f"{_done(settings_of(**flags), work).name} was revoked.", highlight=False)


def _done(settings: Settings, work: Callable[[app.House], Awaitable[T]]) -> T:
    async def within() -> T:
        async with app.opened(settings) as house:
            house.accounts.public_url = settings.reached_at
            return await work(house)

    with in_one_line():
        return run(within())


def _said(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="minutes")
