"""The model store: weights pulled once and checked, found again without a network. Begin at `shelf`."""

from models.store.shelf import Damage, StoreError, find, names, path, pull, remove, verify

__all__ = ["Damage", "StoreError", "find", "names", "path", "pull", "remove", "verify"]
