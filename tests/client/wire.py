"""A TCP proxy that breaks as networks break: cut at once, cut behind so many bytes, or silent."""

import asyncio
from typing import Self


class Wire:
    """Listens at `url` and passes bytes on. `answers_lost` answers are swallowed whole: the server has said them, and
    the connection ends before one byte arrives. Behind `cut_behind` more bytes of answers every connection is cut,
    wherever that is. `silent` passes nothing on and cuts nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.answers_lost = 0
        self.cut_behind: int | None = None
        self.silent = False
        self.count = 0
        self.url = ""
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def open(self) -> None:
        """Listens, at the same address as before."""
        self._server = await asyncio.start_server(self._passing, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def lead_to(self, host: str, port: int) -> None:
        """Whoever connects from now on comes to another server."""
        self._target = host, port

    def close(self) -> None:
        """Cuts all and refuses whoever comes."""
        self._server.close()
        self.cut()

    def finish(self) -> None:
        """Ends every connection behind what was passed on so far."""
        for writer in list(self._open):
            writer.close()

    def cut(self) -> None:
        """Breaks every connection that there is, without a farewell."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _passing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.count += 1
        try:
            theirs, out = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, out}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, out, is_answer=False))
                group.create_task(self._pass(theirs, writer, is_answer=True))
        except* OSError:
            pass
        finally:
            self._open -= {writer, out}
            writer.transport.abort()
            out.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, is_answer: bool) -> None:
        while data := await source.read(65536):
            while self.silent:
                await asyncio.sleep(0.01)
            if is_answer and self.answers_lost:
                self.answers_lost -= 1
                raise ConnectionResetError
            if is_answer and self.cut_behind is not None:
                left, self.cut_behind = self.cut_behind, self.cut_behind - len(data)
                if left <= len(data):
                    # at once: nothing may come behind what is left out
                    self.cut_behind = None
                    to.write(data[:left])
                    self.finish()
                    break
            to.write(data)
            await to.drain()
        raise ConnectionResetError
