#!/bin/sh
# Makes the gallery of the built-in sample, and the run that reads images for it, below the
# working folder: what Dockerfile, Space and Binder show.
set -eu

RSH_CACHE=$(mktemp -d)  # half a gigabyte that an image need not keep
export RSH_CACHE
trap 'rm -rf "$RSH_CACHE"' EXIT

rsh train --bits 64 --look-bits 16 --output runs/bluemarble-64
rsh encode runs/bluemarble-64 --name "Blue Marble"
rsh project galleries/bluemarble-64
