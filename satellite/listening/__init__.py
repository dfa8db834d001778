"""Who speaks, and whether the house was called."""
