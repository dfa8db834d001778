"""From what was said to the answer aloud."""
