"""Visitors' own images, encoded in a separate process: see `client`."""
