"""Engines and weights: arrays and text in and out. No Wyoming, no asyncio; the store alone uses a network."""
