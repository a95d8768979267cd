"""Files: atomic writes, checked arrays, the array cache and provenance."""
