"""Sources of tiles: folders, zip files, WebDataset shards and raster scenes."""
