"""Frames: where they come from, which are worth sending, what is drawn on them."""
