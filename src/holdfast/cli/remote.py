"""A running server asked over HTTP, for commands that were given `--url`: our own client, with failures as click's
errors in the server's own words. A command is repeated with its key while its outcome is unknown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import httpx

from holdfast.client import Broken, Holdfast, NoAnswer, Patience, Refused
from holdfast.services.administration import remedy
from holdfast.settings import Settings

PATIENCE = Patience(attempts_max=4, total_s=20.0)
"""Somebody sits and waits."""


class RemoteRefusal(click.ClickException):
    """A server said no; `told` is its problem document."""

    def __init__(self, refused: Refused) -> None:
        takes = f" It takes the right {refused.data['right']}." if refused.data.get("right") else ""
        super().__init__(f"{refused.detail} [{refused.code}]{takes}{remedy(refused.code)}")
        self.code = refused.code
        self.told = refused.data


class Remote:
    """One server. Use it as an asynchronous context."""

    def __init__(self, url: str, settings: Settings) -> None:
        with self._asking(url):
            self.house = Holdfast(url, token=settings.token or settings.admin_token, patience=PATIENCE)
        self.url = self.house.url

    async def __aenter__(self) -> "Remote":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.house.__aexit__()

    async def get(self, path: str) -> Any:
        with self.said():
            return (await self.house.get(path)).data

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        with self.said():
            return (await self.house.post(path, body)).data

    @contextmanager
    def said(self) -> Iterator[None]:
        """Turns the client's failures into click's."""
        with self._asking(self.url):
            yield

    @staticmethod
    @contextmanager
    def _asking(url: str) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            raise RemoteRefusal(refused) from None
        except NoAnswer as error:
            more = " It may have been done all the same: look before you repeat it." if error.may_have_happened else ""
            cause = error.__cause__
            said = (str(cause) or type(cause).__name__).rstrip(".")
            raise click.ClickException(f"No answer from {url}: {said}.{more}") from None
        except Broken as error:
            raise click.ClickException(f"{error}.") from None
        except (httpx.InvalidURL, ValueError) as error:
            raise click.UsageError(f"--url {url}: {error}") from None
