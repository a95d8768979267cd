"""Explains retrieval: occlusion, bits, class margins and comparisons of rankings."""
