"""Engines and weights: arrays and text in and out. No Wyoming, no asyncio; the store alone uses a network."""

import os

# From 1.29 on, onnxruntime tells its maker of every session, with a number kept for this machine, unless told otherwise
# before it is first imported. Every import of it, ours and those of other packages, comes after this one.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
