"""Serves the dashboard: Voila and its settings, access control, and kernels."""
