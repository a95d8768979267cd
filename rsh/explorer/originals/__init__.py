"""Original images of tiles, read in a separate process that can read the data set alone."""
