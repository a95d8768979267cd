"""Attacks on a served dashboard, and what they do to its other visitors."""
