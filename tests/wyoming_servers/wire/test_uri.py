from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_servers.wire import BadValue, Tcp, Unix, parse_uri


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("tcp://127.0.0.1:10200", Tcp("127.0.0.1", 10200)),
        ("tcp://0.0.0.0:0", Tcp("0.0.0.0", 0)),
        ("tcp://[::1]:10200", Tcp("::1", 10200)),
        ("tcp://kitchen.local:1", Tcp("kitchen.local", 1)),
        ("unix:///run/hearth/tts", Unix("/run/hearth/tts")),
        ("unix://tts.sock", Unix("tts.sock")),
    ],
)
def test_addresses(uri: str, target: Tcp | Unix) -> None:
    assert parse_uri(uri) == target
    assert str(target) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "10200",
        "localhost:10200",
        "tcp://",
        "tcp://host",
        "tcp://host:",
        "tcp://host:port",
        "tcp://host:70000",
        "tcp://host:-1",
        "tcp://:10200",
        "tcp://host:1/path",
        "tcp://user@host:1",
        "tcp://host:1?x=1",
        "tcp://[::1:1",
        "tcp://a\0b:1",
        "http://host:1",
        "unix://",
        "unix:///a\0b",
        "unix:///" + "x" * 120,
        "stdio://",
    ],
)
def test_what_is_no_address(uri: str) -> None:
    with pytest.raises(BadValue):
        parse_uri(uri)


@given(st.text() | st.text().map("tcp://{}:1".format) | st.text().map("unix://{}".format))
def test_anything_is_an_address_or_none(uri: str) -> None:
    try:
        target = parse_uri(uri)
    except BadValue:
        return
    assert isinstance(target, Tcp | Unix)
