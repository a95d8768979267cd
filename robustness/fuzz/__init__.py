"""Fuzzing of every reader of files and texts."""
