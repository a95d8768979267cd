"""Retrieval metrics, exact over ties: counts by distance, and what is computed from them."""
