"""Home Assistant as what knows the house and carries intents out, for the servers that were given --hass-url.

`socket.py` speaks its WebSocket API, `registry.py` makes a house of what it says, `home.py` keeps up with it,
`cache.py` remembers it for when it is away, `deeds.py` has intents carried out. aiohttp is imported by these alone:
import them where they are needed, so that a server without Home Assistant stays light.
"""
