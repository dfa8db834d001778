"""The servers of the house: found, trusted, and watched."""
