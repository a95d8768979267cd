"""Encodes tiles into a gallery, and images into queries."""
