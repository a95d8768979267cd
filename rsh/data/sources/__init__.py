"""Where tiles come from: folders, zip files, WebDataset shards and raster scenes."""
