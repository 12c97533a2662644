"""A running server asked over HTTP, for commands that were given `--url`."""

from typing import Any

import click
import httpx

from holdfast.services.administration import remedy
from holdfast.settings import Settings

TIMEOUT_S = 10.0


class RemoteRefusal(click.ClickException):
    """A server said no; `told` is its problem document."""

    def __init__(self, told: dict[str, Any], response: httpx.Response) -> None:
        code = str(told.get("code", response.status_code))
        super().__init__(f"{told.get('detail', response.reason_phrase)} [{code}]{remedy(code)}")
        self.code = code
        self.told = told


class Remote:
    """One server. Failures are click's errors, in the server's own words."""

    def __init__(self, url: str, settings: Settings) -> None:
        headers = {} if settings.admin_token is None else {"Authorization": f"Bearer {settings.admin_token}"}
        self.url = url.rstrip("/").removesuffix("/api")
        self._client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=TIMEOUT_S)

    async def __aenter__(self) -> "Remote":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._ask("POST", path, json=body)

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = await self._client.request(method, path, **more)
            told = response.json()
        except httpx.InvalidURL as error:
            raise click.UsageError(f"--url {self.url}: {error}") from None
        except httpx.HTTPError as error:
            raise click.ClickException(f"No answer from {self.url}: {error or type(error).__name__}.") from None
        except ValueError:
            said = f"{self.url} does not answer like Holdfast (HTTP {response.status_code})."
            raise click.ClickException(said) from None
        if response.is_success:
            return told
        raise RemoteRefusal(told if isinstance(told, dict) else {}, response)
