"""The edge device: ears, voice, turns, discovery, and the command `hearth`."""
