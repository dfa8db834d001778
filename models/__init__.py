"""Engines and weights: arrays and text in, arrays and text out. No network, no Wyoming, no asyncio."""
