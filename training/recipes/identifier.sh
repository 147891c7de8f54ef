#!/usr/bin/env bash
# The shipped identifier, from the encoder's style table and what the encoder says of its texts, and of sentences that an
# earlier identifier suspects: run encoder.sh first. An hour and a half on one core, most of it for the encoder.
#
#     training/recipes/identifier.sh DATA OUTPUT EARLIER   DATA, OUTPUT: as for encoder.sh
#     training/recipes/identifier.sh --small OUTPUT        the same command on made-up data, in a minute
#
# EARLIER is a folder with an identifier: for the shipped one, that of 0.8.0 to 0.9.0 (`toxicity_j` of a checkout).
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --small ]; then
    output=$2 data=$2/data
    python -m training.data.made_up --output_dir "$data"
    python -m training.prepare_examples --data "$data" --output_dir "$output/examples" --max_rows 300
    small=(--num_train_epochs 1 --batch_size 32 --dim 8 --channels 8 --disable_tqdm)
    earlier=$output/earlier teacher=toxicity_j
    python -m training.distil_identifier --data "$data" --examples "$output/examples" --teacher "$teacher" \
        --output_dir "$earlier" "${small[@]}"
    small+=(--planted 50 --of_groups 20)
else
    data=$1 output=$2 earlier=$3 teacher=$output/encoder small=()
fi
python -m training.distil_identifier --data "$data" --examples "$output/examples" --earlier "$earlier" \
    --teacher "$teacher" --scores "$output/examples/p_toxic.parquet" --output_dir "$output/identifier" "${small[@]}"
