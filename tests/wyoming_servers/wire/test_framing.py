from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wyoming.event import Event, async_read_event, read_event, write_event

from wyoming_servers.wire import BadValue, Busy, EventParser, Limits, ProtocolError, RequestError, encode

SMALL = Limits(header_bytes=200, data_bytes=300, audio_bytes=400, image_bytes=800)


def parse(raw: bytes, limits: Limits | None = None) -> list[Event | RequestError]:
    """Return all that a parser finds in `raw`."""
    parser = EventParser(limits or Limits())
    parser.push(raw)
    return rest(parser)


def rest(parser: EventParser) -> list[Event | RequestError]:
    outcomes = []
    while (arrived := parser.next()) is not None:
        outcomes.append(arrived.outcome)
    return outcomes


def raw_event(header: dict[str, Any], data: bytes = b"", payload: bytes = b"") -> bytes:
    return json.dumps(header).encode() + b"\n" + data + payload


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
events = st.builds(
    Event,
    type=st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=30),
    data=st.dictionaries(texts, values, max_size=5),
    payload=st.none() | st.binary(min_size=1, max_size=300),
)


@given(st.lists(events, max_size=5), st.data())
def test_events_come_back_however_the_bytes_are_split(sent: list[Event], data: st.DataObject) -> None:
    raw = b"".join(encode(event) for event in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=20)))
    parser = EventParser(Limits())
    received: list[Event | RequestError] = []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        parser.push(raw[start:end])
        received += rest(parser)
    assert received == sent
    assert not parser.mid_event


@given(st.lists(events, min_size=1, max_size=2), st.lists(st.integers(0, 2), max_size=8), st.data())
def test_events_that_begin_alike(alike: list[Event], order: list[int], data: st.DataObject) -> None:
    sent = [alike[number % len(alike)] for number in order]
    raw = b"".join(encode(event) for event in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=20)))
    parser = EventParser(Limits())
    received: list[Event | RequestError] = []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        parser.push(raw[start:end])
        received += rest(parser)
    assert received == sent


def test_what_is_done_to_an_event_is_not_seen_in_the_next_that_begins_alike() -> None:
    raw = encode(Event("audio-chunk", {"rate": 16000}, b"12"))
    parser = EventParser(Limits())
    for _ in range(3):
        parser.push(raw)
        (event,) = rest(parser)
        assert event == Event("audio-chunk", {"rate": 16000}, b"12")
        event.data["rate"] = 8000


def test_events_that_begin_alike_take_room_each() -> None:
    room = [200_000]

    def reserve(size: int) -> bool:
        room[0] -= size
        return room[0] >= 0

    parser = EventParser(Limits(), reserve)
    parser.push(encode(Event("audio-chunk", {"rate": 16000}, bytes(90_000))) * 3)
    first, second, third = rest(parser)
    assert isinstance(first, Event) and first == second
    assert isinstance(third, Busy)


def test_a_byte_at_a_time() -> None:
    sent = [Event("audio-chunk", {"rate": 16000, "text": "ß☃"}, b"\n{}\n"), Event("ping")]
    parser = EventParser(Limits())
    received: list[Event | RequestError] = []
    raw = b"".join(encode(event) for event in sent)
    for index, byte in enumerate(raw):
        parser.push(bytes([byte]))
        received += rest(parser)
        assert parser.mid_event == (index != len(encode(sent[0])) - 1 and index != len(raw) - 1)
    assert received == sent


@given(events)
def test_the_library_reads_what_we_write(event: Event) -> None:
    raw = encode(event)
    assert read_event(io.BytesIO(raw)) == event

    async def read() -> Event | None:
        reader = asyncio.StreamReader()
        reader.feed_data(raw)
        reader.feed_eof()
        return await async_read_event(reader)

    assert asyncio.run(read()) == event


@given(events)
def test_we_read_what_the_library_writes(event: Event) -> None:
    raw = io.BytesIO()
    write_event(event, raw)
    assert parse(raw.getvalue()) == [event]


@settings(max_examples=300)
@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: b'{"type":"a","data_length":3}\n' + tail))
def test_any_bytes_are_events_or_request_errors_or_a_protocol_error(raw: bytes) -> None:
    parser = EventParser(SMALL)
    parser.push(raw)
    try:
        outcomes = rest(parser)
    except ProtocolError as error:
        assert error.text
        return
    assert all(isinstance(outcome, Event | RequestError) for outcome in outcomes)


@given(st.lists(events, min_size=1, max_size=3), st.data())
def test_a_changed_byte_never_breaks_the_parser(sent: list[Event], data: st.DataObject) -> None:
    raw = bytearray(b"".join(encode(event) for event in sent))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    parser = EventParser(Limits())
    parser.push(bytes(raw))
    try:
        rest(parser)
    except ProtocolError as error:
        assert error.text


@pytest.mark.parametrize(
    "line",
    [
        b"[1,2]\n",
        b"5\n",
        b"null\n",
        b"\n",
        b"not json\n",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01",  # a TLS hello, which has no line end
        b"{\n",
        b'{"type": "\xff"}\n',
        b'{"type": "a", "data_length": "5"}\n',
        b'{"type": "a", "data_length": 5.0}\n',
        b'{"type": "a", "data_length": true}\n',
        b'{"type": "a", "data_length": -1}\n',
        b'{"type": "a", "data_length": Infinity}\n',
        b'{"type": "a", "data_length": NaN}\n',
        b'{"type": "a", "payload_length": []}\n',
        b'{"type": "a", "payload_length": 1e3}\n',
        b'{"type": ' + b"[" * 60_000 + b"\n",
        b'{"type": ' + b"[" * 16_000 + b"\n",
        b'{"type": ' + b"9" * 5000 + b"}\n",
    ],
)
def test_lost_framing(line: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(line)
    assert caught.value.code == "bad-header"
    assert len(caught.value.text) < 400
    assert "\n" not in caught.value.text


@pytest.mark.parametrize(
    "header",
    [
        {"type": "a", "data_length": SMALL.data_bytes + 1},
        {"type": "a", "payload_length": SMALL.audio_bytes + 1},
        {"type": "audio-chunk", "payload_length": 10**12},
        {"type": "audio-chunk", "payload_length": 10**30},
        {"type": "image", "payload_length": SMALL.image_bytes + 1},
        {"type": "a", "filler": "x" * SMALL.header_bytes},
    ],
)
def test_limits(header: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(raw_event(header), SMALL)
    assert caught.value.code == "too-large"


def test_exactly_the_limit_is_taken() -> None:
    empty = len(raw_event({"type": "a", "x": ""})) - 1
    line = raw_event({"type": "a", "x": "y" * (SMALL.header_bytes - empty)})
    assert len(line) == SMALL.header_bytes + 1
    assert parse(line, SMALL) == [Event("a")]
    data = json.dumps({"x": "y" * (SMALL.data_bytes - 9)}).encode()
    assert len(data) == SMALL.data_bytes
    for kind, most in (("a", SMALL.audio_bytes), ("image", SMALL.image_bytes)):
        header = {"type": kind, "data_length": len(data), "payload_length": most}
        [event] = parse(raw_event(header, data, b"p" * most), SMALL)
        assert isinstance(event, Event)
        assert event.payload == b"p" * most


def test_a_line_without_end_is_refused_before_its_end() -> None:
    parser = EventParser(SMALL)
    parser.push(b"{" + b" " * SMALL.header_bytes)
    with pytest.raises(ProtocolError):
        parser.next()


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({}, b""),
        ({"type": None}, b""),
        ({"type": 5}, b""),
        ({"type": ""}, b""),
        ({"type": "x" * 129}, b""),
        ({"type": "two\nlines"}, b""),
        ({"type": "a", "data": [1]}, b""),
        ({"type": "a", "data": 5}, b""),
        ({"type": "a", "data": None}, b'{"b": 1}'),
        ({"type": "a", "data": [1]}, b'{"b": 1}'),
        ({"type": "a"}, b"[1, 2]"),
        ({"type": "a"}, b"null"),
        ({"type": "a"}, b"not json"),
        ({"type": "a"}, b'{"b": "\xff"}'),
        ({"type": "a"}, b'{"b": "\\ud800"}'),
        ({"type": "a"}, b'{"b": NaN}'),
        ({"type": "a"}, b'{"b": -Infinity}'),
        ({"type": "a"}, b'{"b": ' + b"[" * 60_000 + b"]" * 60_000 + b"}"),
        ({"type": "a"}, b'{"b": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
        ({"type": "a"}, b'{"b": [' + b"[]," * 20_000 + b"[]]}"),
    ],
)
def test_a_bad_value_fails_one_event(header: dict[str, Any], data: bytes) -> None:
    payload = b'{"type": "never"}\n'
    if data:
        header = {**header, "data_length": len(data)}
    bad = raw_event({**header, "payload_length": len(payload)}, data, payload)
    good = Event("describe")
    failure, after = parse(bad + encode(good))
    assert isinstance(failure, BadValue)
    assert failure.text
    assert "\n" not in failure.text
    assert after == good


def test_inline_data_and_data_are_merged() -> None:
    raw = raw_event({"type": "a", "data": {"x": 1, "y": 1}, "data_length": 8, "version": "9"}, b'{"y": 2}')
    assert parse(raw) == [Event("a", {"x": 1, "y": 2})]
    assert parse(raw_event({"type": "a", "data": None})) == [Event("a")]


def test_where_there_is_no_room_the_event_is_read_over() -> None:
    asked: list[int] = []

    def refuse(size: int) -> bool:
        asked.append(size)
        return len(asked) > 1

    parser = EventParser(Limits(), refuse)
    first, second = Event("image", {"id": "1"}, b"x" * 5000), Event("image", {"id": "2"}, b"y" * 5000)
    for piece in (encode(first)[:3000], encode(first)[3000:] + encode(second)):
        parser.push(piece)
    assert [type(outcome) for outcome in rest(parser)] == [Busy, Event]
    assert all(size >= 5000 for size in asked)


def test_room_is_held_while_an_event_comes() -> None:
    parser = EventParser(Limits())
    raw = encode(Event("image", {"id": "1"}, b"x" * 5000))
    parser.push(raw[:-1])
    assert parser.next() is None
    assert parser.reserved >= 5000
    parser.push(raw[-1:])
    arrived = parser.next()
    assert arrived is not None
    assert arrived.size >= 5000
    assert parser.reserved == 0


@pytest.mark.parametrize("data", [{"x": float("nan")}, {"x": float("inf")}, {"x": b"bytes"}, {"x": {1, 2}}])
def test_what_json_cannot_carry_is_not_written(data: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        encode(Event("a", data))


def test_data_in_itself_is_not_written() -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    with pytest.raises(BadValue):
        encode(Event("a", data))


def test_a_lone_surrogate_is_written_as_what_it_was() -> None:
    raw = encode(Event("a", {"x": "\ud800"}))
    assert json.loads(raw.split(b"\n", 1)[1]) == {"x": "\ud800"}
