"""The satellite as Home Assistant uses it: a Wyoming server that asks it to run its pipelines."""
