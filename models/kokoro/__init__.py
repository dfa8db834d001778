"""Kokoro, a voice: begin at `synthesizer`."""
