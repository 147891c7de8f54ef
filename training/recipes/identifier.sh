#!/usr/bin/env bash
# The shipped identifier, from the encoder's style table: run encoder.sh first. Half an hour on two cores.
#
#     training/recipes/identifier.sh DATA OUTPUT     DATA, OUTPUT: as for encoder.sh
#     training/recipes/identifier.sh --small OUTPUT  the same command on made-up data, in a minute
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --small ]; then
    output=$2 data=$2/data
    python -m training.data.made_up --output_dir "$data"
    python -m training.modules.tiny_models --output_dir "$output"
    python -m training.prepare_examples --data "$data" --output_dir "$output/examples" --only style --max_rows 300
    python -m training.train_teacher --task style --examples "$output/examples" --backbone "$output/teacher" \
        --steps 2 --batch_size 4
    small=(--num_train_epochs 1 --batch_size 32 --dim 8 --channels 8 --disable_tqdm)
else
    data=$1 output=$2 small=()
fi
python -m training.distil_identifier --data "$data" --examples "$output/examples" \
    --output_dir "$output/identifier" "${small[@]}"
