"""Searches a gallery: queries, ranking, re-ranking, relevance feedback and results."""
