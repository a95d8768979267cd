"""Classes and sets that visitors give to tiles: a log beside the gallery, and what it says."""
