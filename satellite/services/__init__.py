"""Servers and satellites as processes that are kept running."""
