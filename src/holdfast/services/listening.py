"""What the runtime asks of whoever brings the journal to those who listen."""

from typing import Protocol


class Listening(Protocol):
    """Looks after listeners, and looks where their sites stand."""

    def look_after(self) -> None: ...

    async def poll(self) -> None: ...
