"""Data sets: tiles, their sources, splits, metadata and rasters."""
