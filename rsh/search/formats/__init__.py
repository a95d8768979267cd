"""Results in other formats: tables, GeoJSON, contact sheets and snippets."""
