"""Microphones and speakers, and the sound between them."""
