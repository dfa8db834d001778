"""A server that speaks Home Assistant's API as 2026.11 does, over real sockets, and as badly as a test wants."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "eyJhbGciOiJIUzI1NiJ9.a-real-looking.token_value"

Json = dict[str, Any]


class Hass:
    """What it knows can be changed at any time; `tell` says that it has."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.entities: dict[str, Json] = {}
        """By entity id: the registry entry, with `friendly_name` and `exposed` beside it; None there: no entry."""
        self.devices: list[Json] = []
        self.areas: list[Json] = []
        self.floors: list[Json] = []
        self.admin = True
        self.banned = False
        self.answers: list[str] = []
        """Texts that are sent instead of the next results."""
        self.slow_s = 0.0
        self.logins: list[str] = []
        """Tokens that were shown."""
        self.asked: list[Json] = []
        """Commands."""
        self.prepared = True
        """False until Assist has looked which entities are exposed."""
        self.intents: list[Json] = []
        """What was posted to /api/intent/handle."""
        self.outcome: Json | str | int = {}
        """What that is answered with: `data` of a good response, a text, or a status."""
        self.templates: list[Json] = []
        """What was posted to /api/template."""
        self.rendered: str | int = ""
        """What that is answered with: a text, or a status."""
        self.url = ""
        self.subscribers: dict[web.WebSocketResponse, list[tuple[int, str]]] = {}

    def light(self, key: str, name: str, *, area: str | None = None, aliases: Any = (None,), **entry: Any) -> None:
        entity = f"light.{key}"
        self.entities[entity] = {
            "entity_id": entity,
            "area_id": area,
            "device_id": None,
            "aliases": list(aliases),
            "friendly_name": name,
            "exposed": True,
            **entry,
        }

    def area(self, key: str, name: str, *aliases: str, floor: str | None = None) -> None:
        self.areas.append({"area_id": key, "name": name, "aliases": list(aliases), "floor_id": floor})

    async def tell(self, event: str = "entity_registry_updated") -> None:
        for socket, subscriptions in list(self.subscribers.items()):
            for number, wanted in subscriptions:
                if wanted == event:
                    data = {"event_type": event, "data": {"action": "update"}, "origin": "LOCAL"}
                    await socket.send_str(json.dumps({"type": "event", "event": data, "id": number}))

    async def drop(self) -> None:
        """End every connection, as a restart does."""
        for socket in list(self.subscribers):
            await socket.close()

    # ---- the WebSocket

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        if self.banned:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(heartbeat=55)
        await socket.prepare(request)
        await socket.send_json({"type": "auth_required", "ha_version": "2026.11.0"})
        shown = (await socket.receive_json())["access_token"]
        self.logins.append(shown)
        if shown != self.token:
            await socket.send_json({"type": "auth_invalid", "message": "Invalid access token or password"})
            await socket.close()
            return socket
        await socket.send_json({"type": "auth_ok", "ha_version": "2026.11.0"})
        self.subscribers[socket] = []
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self.answer(socket, json.loads(message.data))
        finally:
            self.subscribers.pop(socket)
        return socket

    async def answer(self, socket: web.WebSocketResponse, command: Json) -> None:
        self.asked.append(command)
        await asyncio.sleep(self.slow_s)
        if self.answers:
            await socket.send_str(self.answers.pop(0))
            return
        number, kind = command["id"], command["type"]
        if kind == "subscribe_events":
            self.subscribers[socket].append((number, command["event_type"]))
            result: Any = None
        elif kind == "homeassistant/expose_entity/list" and not self.admin:
            error = {"code": "unauthorized", "message": "Unauthorized"}
            await socket.send_json({"id": number, "type": "result", "success": False, "error": error})
            return
        else:
            result = self.result(kind, command)
        await socket.send_json({"id": number, "type": "result", "success": True, "result": result})

    def result(self, kind: str, command: Json) -> Any:
        match kind:
            case "conversation/prepare":
                self.prepared = True
                return None
            case "homeassistant/expose_entity/list":
                exposed = [key for key, entity in self.entities.items() if entity["exposed"] and self.prepared]
                return {"exposed_entities": {key: {"conversation": True} for key in exposed}}
            case "config/entity_registry/get_entries":
                return {key: self.entry(key) for key in command["entity_ids"]}
            case "get_states":
                return [
                    {"entity_id": key, "state": "off", "attributes": {"friendly_name": entity["friendly_name"]}}
                    for key, entity in self.entities.items()
                ]
            case "config/device_registry/list":
                return self.devices
            case "config/area_registry/list":
                return self.areas
            case "config/floor_registry/list":
                return self.floors
        raise AssertionError(kind)

    def entry(self, key: str) -> Json | None:
        entity = self.entities.get(key)
        return None if entity is None or entity.get("aliases") is None else entity

    # ---- intents

    async def intent(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.slow_s)
        if request.headers["Authorization"] != f"Bearer {self.token}":
            self.logins.append(request.headers["Authorization"].removeprefix("Bearer "))
            raise web.HTTPUnauthorized
        self.intents.append(await request.json())
        if isinstance(self.outcome, int):
            return web.Response(status=self.outcome, text="500: Internal Server Error")
        if isinstance(self.outcome, str):
            return web.Response(text=self.outcome)
        kind = "error" if "code" in self.outcome else self.outcome.get("response_type", "action_done")
        data = self.outcome if kind == "error" else {"success": [], "failed": [], **self.outcome}
        data = {key: value for key, value in data.items() if key not in ("speech", "response_type")}
        speech = {"plain": {"speech": self.outcome["speech"], "extra_data": None}} if "speech" in self.outcome else {}
        return web.json_response({"speech": speech, "card": {}, "language": "en", "response_type": kind, "data": data})

    async def template(self, request: web.Request) -> web.Response:
        self.templates.append(await request.json())
        return web.Response(status=self.rendered if isinstance(self.rendered, int) else 200, text=str(self.rendered))


@asynccontextmanager
async def hass_running(
    hass: Hass | None = None, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Hass]:
    """Run a Home Assistant on loopback for the length of a block."""
    hass = hass or Hass()
    app = web.Application()
    app.router.add_get("/api/websocket", hass.websocket)
    app.router.add_post("/api/intent/handle", hass.intent)
    app.router.add_post("/api/template", hass.template)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    await site.start()
    hass.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hass
    finally:
        await hass.drop()
        await runner.cleanup()
