"""Whisper, in faster-whisper's weights: begin at `recognizer`."""
