"""The page: retrieval by hashing that one can see. Needs a gallery folder, and no torch."""

from rsh.explorer.app import dashboard

__all__ = ["dashboard"]
