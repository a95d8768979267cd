#!/bin/sh
# Makes the gallery of the built-in sample, and the run that reads images for it, below the
# working folder: what Dockerfile, Space and Binder show.
set -eu

RSH_CACHE=$(mktemp -d)  # half a gigabyte that an image need not keep
export RSH_CACHE
trap 'rm -rf "$RSH_CACHE"' EXIT

rsh train --bits 32 --output runs/bluemarble-32
rsh encode runs/bluemarble-32 --name "Blue Marble"
rsh project galleries/bluemarble-32
