"""Visitors' own images, encoded in a process of their own: see `client`."""
