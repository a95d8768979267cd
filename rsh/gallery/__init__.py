"""Gallery storage: manifest, segments, items, writer, filters and search."""
