#!/usr/bin/env bash
# The shipped identifier, distilled from the shipped encoder: about 40 minutes on two cores.
#
#     training/recipes/identifier.sh DATA OUTPUT     DATA: a folder laid out like the data README says
#     training/recipes/identifier.sh --small OUTPUT  the same commands on made-up data, in half a minute
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --small ]; then
    output=$2 data=$2/data
    python -m training.data.made_up --output_dir "$data"
    small=(--max_train_samples 300 --num_train_epochs 1 --batch_size 32 --dim 8 --channels 8 --disable_tqdm)
else
    data=$1 output=$2 small=()
fi
python -m training.distil_identifier --data "$data" --teacher toxicity_j/encoder.safetensors \
    --scores "$output/scores.parquet" --output_dir "$output/identifier" "${small[@]}"
