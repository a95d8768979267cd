"""Learning from labels in a separate process: see `client`."""
