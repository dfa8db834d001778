"""Bytes that are no Wyoming events, or events that are none."""

from __future__ import annotations

from wyoming.event import Event

from bench.rows.core import ALL, Row, RowError, Test, answered, receive, shown, told_and_closed, told_once
from wyoming_servers.wire import connect_to

PROMISE = b'{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1},"payload_length":1000}\n'


def framing() -> list[Row]:
    """Return the rows."""
    closing = {
        "payload of 10^12 bytes": b'{"type":"a","payload_length":1000000000000}\n' + bytes(4_000_000),
        "data of 10^12 bytes": b'{"type":"a","data_length":1000000000000}\n' + bytes(4_000_000),
        "endless length": b'{"type":"a","data_length":Infinity}\n',
        "[1,2]": b"[1,2]\n",
        "5": b"5\n",
        "null": b"null\n",
        "length as string": b'{"type":"a","data_length":"5"}\n',
        "length as float": b'{"type":"a","data_length":5.0}\n',
        "negative length": b'{"type":"a","payload_length":-5}\n',
        "60,000 nested lists in the header": b'{"type":"a","data":' + b"[" * 60_000 + b"\n",
        "bad JSON": b'{"type" "a"}\n',
        "bad UTF-8": b'{"type":"\xff\xfe"}\n',
        "line over 64 KiB": b'{"type":"' + b"a" * 70_000 + b'"}\n',
        "line without end": b"{" + b" " * 70_000,
        "empty line": b"\n",
        "HTTP request": b"GET / HTTP/1.1\r\nHost: house\r\n\r\n",
        "TLS hello": bytes.fromhex("1603010200010001fc0303") + bytes(300),
        "payload over the limit": b'{"type":"audio-chunk","payload_length":1048577}\n' + bytes(1_048_577),
        "picture over the limit": b'{"type":"image","payload_length":8388609}\n' + bytes(8_388_609),
        "a megabyte of noise": bytes(range(255, -1, -1)) * 4096,
    }
    living: dict[str, bytes] = {
        "{}": b"{}\n",
        "no type": b'{"data_length":2}\n{}',
        "type as number": b'{"type":5}\n',
        "data null with a length": b'{"type":"a","data":null,"data_length":2}\n{}',
        "data list with a length": b'{"type":"a","data":[1],"data_length":2}\n{}',
        "data that is a list": b'{"type":"a","data_length":5}\n[1,2]',
        "data that is no JSON": b'{"type":"a","data_length":5}\nwords',
        "60,000 nested lists": b'{"type":"a","data_length":60000}\n' + b"[" * 60_000,
        "300,000 lists": b'{"type":"a","data_length":900007}\n{"x":[' + b"[]," * 300_000 + b"0",
        "data with half a letter": b'{"type":"a","data_length":9}\n{"x":"\xc3"}',
    }
    return [
        *(Row(name, ALL, told_and_closed(data)) for name, data in closing.items()),
        *(Row(name, ALL, told_once(data)) for name, data in living.items()),
        Row("truncated payload, then the end", ALL, _cut(PROMISE + b"only this")),
        Row("truncated data, then the end", ALL, _cut(b'{"type":"a","data_length":9}\n{"x"')),
        Row("truncated line, then the end", ALL, _cut(b'{"type":"descr')),
        Row("unknown events", ALL, answered(*[Event("no-such-event", {"x": 1}, b"123")] * 500)),
        Row("text of a megabyte, unknown event", ALL, answered(Event("no-such-event", {"text": "x" * 1_000_000}))),
    ]


def _cut(data: bytes) -> Test:
    async def test(uri: str) -> None:
        async with connect_to(uri) as connection:
            connection.write(data)
            assert connection._transport is not None
            connection._transport.write_eof()
            error = await receive(connection)
            if error is None or error.type != "error":
                raise RowError(f"wanted an error, got {shown(error)}")

    return test
