#!/usr/bin/env bash
# The shipped encoder goes on from that of release 0.9.0: examples, rewrites, labels of larger models and of that release,
# training, a mean with it, two refinements of what reads pairs, their mean with the earlier one, one of what reads style, one of all of it, of which
# what reads fluency is taken; then one each of what reads pairs, style and fluency with texts and pairs that were marked one by one; calibration.
# The file ends in OUTPUT/encoder.
#
#     training/recipes/encoder.sh DATA OUTPUT LANGUAGE_MODEL TEACHER RELEASE EARLIER_ENCODER   an hour with a GPU, days without
#     training/recipes/encoder.sh --small OUTPUT                                               the same commands on made-up data
#
# DATA has the files of training/data/made_up_files.txt; LANGUAGE_MODEL and TEACHER are folders of SmolLM2-135M-Instruct (one GGUF
# file) and all-mpnet-base-v2: see README.md beside this folder. RELEASE is a checkout of release 0.3.0, EARLIER_ENCODER the
# encoder.safetensors of release 0.9.0.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --small ]; then
    output=$2 data=$2/data teacher=$2/teacher
    python -m training.data.made_up --output_dir "$data"
    python -m training.modules.tiny_models --output_dir "$2"
    examples_flags=(--max_rows 40)
    language_model=(--model "$2/language_model")
    writer_flags=(--steps 2 --batch_size 4 --per_source 1 --other_sources 8 --per_other 1)
    variation_flags=(--between 20 --varied 20 --edited 10 --roles 10 --restyled 10 --swapped 10)
    teacher_flags=(--steps 2 --batch_size 4)
    encoder_flags=(--steps 2 --batch_sizes 4 4 4)
    weigh_flags=() refine_flags=(--steps 2 --batch_sizes 4 --pairs 20)
    style_flags=(--steps 2 --batch_sizes 4 --texts 20)
    network_flags=(--steps 2 --batch_sizes 4 4 4 4 --texts 20 --pairs 20)
    refit_flags=(--steps 2 --batch_sizes 4 --pairs 20)
    earlier=toxicity_j/encoder.safetensors
else
    data=$1 output=$2 teacher=$4 earlier=$6
    examples_flags=() writer_flags=() variation_flags=() teacher_flags=(--steps 1400) encoder_flags=(--steps 6900)
    weigh_flags=(--release "$5") refine_flags=() style_flags=() network_flags=() refit_flags=()
    language_model=(--model "$3" --gguf_file "$(basename "$3"/*.gguf)")
fi
examples=$output/examples
python -m training.prepare_examples --data "$data" --output_dir "$examples" "${examples_flags[@]}"
# The cache grows with each token; blocks of fixed sizes would fragment a GPU's memory.
PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True \
    python -m training.write_rewrites --examples "$examples" "${language_model[@]}" "${writer_flags[@]}"
python -m training.write_variations --examples "$examples" "${variation_flags[@]}"
python -m training.label_earlier --examples "$examples" --encoder "$earlier"
python -m training.label_likelihood --examples "$examples" "${language_model[@]}"
for task in content fluency; do
    python -m training.train_teacher --task $task --examples "$examples" --backbone "$teacher" "${teacher_flags[@]}"
done
python -m training.weigh_pairs --examples "$examples" "${weigh_flags[@]}"
label_flags=(--examples "$examples" --content_labels "$examples/content.weighed.parquet")
python -m training.train_encoder --encoder "$earlier" --output_dir "$output/trained" "${label_flags[@]}" "${encoder_flags[@]}"
python -m training.average_encoders --encoder "$output/trained/encoder.safetensors" --earlier "$earlier" \
    --output_file "$output/averaged.safetensors"
# Two runs, and the mean of both: their seeds draw other pairs.
for seed in 21 22; do
    python -m training.refine_pairs --encoder "$output/averaged.safetensors" --data "$data" --examples "$examples" \
        --seed $seed --output_file "$output/refined_$seed.safetensors" "${refine_flags[@]}"
done
python -m training.average_encoders --encoder "$output/refined_21.safetensors" --earlier "$output/refined_22.safetensors" \
    --pair_share 0.5 --share 0 --output_file "$output/refined.safetensors"
# Some of the way back, in what reads pairs alone.
python -m training.average_encoders --encoder "$output/refined.safetensors" --earlier "$earlier" \
    --pair_share 0.3 --share 0 --output_file "$output/mean.safetensors"
# Some of the way in what reads style: all of it costs agreement with people.
python -m training.refine_style --encoder "$output/mean.safetensors" --examples "$examples" \
    --output_file "$output/styled.safetensors" "${style_flags[@]}"
python -m training.average_encoders --encoder "$output/styled.safetensors" --earlier "$output/mean.safetensors" \
    --pair_share 0 --share 0.35 --output_file "$output/styled_mean.safetensors"
# All of it, with what the larger model says of fluency; then back, but for what reads the fluency of a text.
python -m training.refine_network --encoder "$output/styled_mean.safetensors" --data "$data" --examples "$examples" \
    --output_file "$output/whole.safetensors" "${network_flags[@]}"
python -m training.average_encoders --encoder "$output/whole.safetensors" --earlier "$output/styled_mean.safetensors" \
    --pair_share 1 --share 1 --fluency_share 0 --output_file "$output/fluent.safetensors"
# On this trunk, pairs and texts that were marked one by one. Of each, some of the way.
python -m training.refine_pairs --encoder "$output/fluent.safetensors" --data "$data" --examples "$examples" --seed 23 \
    --marked_share 0.5 --output_file "$output/marked_pairs.safetensors" "${refine_flags[@]}"
python -m training.average_encoders --encoder "$output/marked_pairs.safetensors" --earlier "$output/fluent.safetensors" \
    --pair_share 0.45 --share 0 --output_file "$output/marked_mean.safetensors"
python -m training.refine_style --encoder "$output/marked_mean.safetensors" --examples "$examples" --seed 14 \
    --output_file "$output/marked_texts.safetensors" "${style_flags[@]}"
python -m training.average_encoders --encoder "$output/marked_texts.safetensors" --earlier "$output/marked_mean.safetensors" \
    --pair_share 0 --share 0.15 --output_file "$output/marked.safetensors"
# What the source adds to fluency is read from the same layers as content: it is to be what it was.
python -m training.refit_fluency --encoder "$output/marked.safetensors" --earlier "$output/fluent.safetensors" \
    --examples "$examples" --output_file "$output/final.safetensors" "${refit_flags[@]}"
mkdir -p "$output/encoder"
python -m training.calibrate_encoder --data "$data" --encoder "$output/final.safetensors" \
    --output_file "$output/encoder/encoder.safetensors"
