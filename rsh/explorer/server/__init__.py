"""Serves the dashboard: Voila with its settings, who may come in, and the kernels."""
