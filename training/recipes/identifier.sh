#!/usr/bin/env bash
# The shipped identifier, from the encoder's style table and what the encoder says of its texts, and of sentences that an
# earlier identifier suspects; then it goes on with what a larger model says of all these. Run encoder.sh first. Two hours on one
# core, most of them for the encoder, and a few minutes of a GPU for the larger model.
#
#     training/recipes/identifier.sh DATA OUTPUT EARLIER TEACHER   DATA, OUTPUT, TEACHER: as for encoder.sh
#     training/recipes/identifier.sh --small OUTPUT                the same commands on made-up data, in a minute
#
# EARLIER is a folder with an identifier: for the shipped one, that of 0.8.0 to 0.9.0 (`toxicity_j` of a checkout).
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --small ]; then
    output=$2 data=$2/data
    python -m training.data.made_up --output_dir "$data"
    python -m training.modules.tiny_models --output_dir "$output"
    python -m training.prepare_examples --data "$data" --output_dir "$output/examples" --max_rows 300
    small=(--num_train_epochs 1 --batch_size 32 --max_train_samples 600 --disable_tqdm) sizes=(--dim 8 --channels 8)
    earlier=$output/earlier teacher=toxicity_j
    python -m training.distil_identifier --data "$data" --examples "$output/examples" --teacher "$teacher" \
        --output_dir "$earlier" "${small[@]}" "${sizes[@]}"
    small+=(--planted 50 --of_groups 20)
    larger=$output/teacher larger_flags=(--steps 2 --batch_size 4) last=("${small[@]}" --contrasts 300)
else
    data=$1 output=$2 earlier=$3 teacher=$output/encoder small=() sizes=()
    larger=$4 larger_flags=(--steps 1400) last=(--contrasts 140000 --num_train_epochs 3 --learning_rate 6e-4)
fi
scores=$output/examples/p_toxic
learned_flags=(--data "$data" --examples "$output/examples" --earlier "$earlier" --teacher "$teacher")
python -m training.distil_identifier "${learned_flags[@]}" --scores "$scores.parquet" --output_dir "$output/first" "${small[@]}" "${sizes[@]}"
python -m training.train_teacher --task style --examples "$output/examples" --backbone "$larger" --scores "$scores.parquet" \
    "${larger_flags[@]}"
python -m training.distil_identifier "${learned_flags[@]}" --scores "$scores.teacher.parquet" --start "$output/first" \
    --output_dir "$output/identifier" "${last[@]}"
