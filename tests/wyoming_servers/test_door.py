from __future__ import annotations

import socket

import pytest

from wyoming_servers.door import listen
from wyoming_servers.wire import Tcp


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_small_events_do_not_wait_for_each_other(host: str) -> None:
    (listening,) = await listen(Tcp(host, 0))
    with listening, socket.create_connection(listening.getsockname()[:2]):
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
