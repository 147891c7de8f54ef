#!/usr/bin/env bash
# An identifier of your own, from any table of texts and toxicity levels.
#
#     training/recipes/own_identifier.sh TABLE TOKENIZER OUTPUT  TABLE: .csv, .tsv or .parquet with columns text and label
#     training/recipes/own_identifier.sh --small OUTPUT          the same command on made-up data, in a few seconds
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --small ]; then
    output=$2 table=$2/data/toxicity.parquet tokenizer=$2/teacher
    python -m training.data.made_up --output_dir "$2/data"
    python -m training.modules.tiny_models --output_dir "$2"
    small=(--label_column y --num_train_epochs 1 --batch_size 32 --dim 8 --channels 8 --disable_tqdm)
else
    table=$1 tokenizer=$2 output=$3 small=()
fi
python -m training.train_identifier --train_file "$table" --tokenizer_name "$tokenizer" --soft \
    --output_dir "$output/identifier" "${small[@]}"
