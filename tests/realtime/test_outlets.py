"""What is written past the transport reaches the connection it is for, and no other."""

import asyncio
import os
import socket

from holdfast.realtime.outlets import SocketOutlet


async def test_nothing_is_written_to_whoever_has_the_number_of_a_closed_socket_now() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    outlet, number = SocketOutlet(transport), ours.fileno()
    assert outlet.offer is not None and outlet.offer(b"first") == 5 and theirs.recv(99) == b"first"
    transport.abort()
    await asyncio.sleep(0.05)  # the loop closes it in a turn of its own
    new, reader = socket.socketpair()
    os.dup2(new.fileno(), number)
    try:
        assert outlet.offer(b"not theirs") == 0
        reader.setblocking(False)
        try:
            got = reader.recv(99)
        except BlockingIOError:
            got = b""
        assert got == b""
    finally:
        if number != new.fileno():
            os.close(number)
        for one in (new, reader, theirs):
            one.close()
