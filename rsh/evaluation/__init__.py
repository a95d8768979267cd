"""Evaluates retrieval: protocols, scores, comparisons, reports and plots."""
