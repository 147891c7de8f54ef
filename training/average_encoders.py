"""Average the weights of a trained encoder with those of an earlier release.

    python -m training.average_encoders --encoder runs/trained/encoder.safetensors \\
        --earlier EARLIER/encoder.safetensors --output_file runs/averaged.safetensors

One was trained from the other, or both from one backbone, so their weights lie near
enough for a mean of them to read new texts better than either does (Wortsman et al.
2022, arXiv 2203.05482).
"""

from __future__ import annotations

from pathlib import Path

import torch

from toxicity_j.builtin_encoder import Encoder
from training.flags import command_parser
from training.modules.network_parts import FLUENCY_PARTS, PAIR_PARTS

__all__ = ["average"]

# Shares of the earlier weights: of what reads pairs, and of all the rest. Lower ones
# raise agreement on near-copies (style_gap) and lower that on segments of EMNLP 2021.
PAIR_SHARE, SHARE = 0.5, 0.7
_WORDS = "body.word_embeddings.weight"


def average(
    encoder: Encoder,
    earlier: Encoder,
    pair_share: float = PAIR_SHARE,
    share: float = SHARE,
    fluency_share: float | None = None,
) -> None:
    """Move an encoder's weights towards those of another one, in place.

    A token that only one of them has keeps the weights that it has.

    Args:
        encoder: is changed.
        earlier: what it moves towards.
        pair_share: share of the earlier weights in what reads pairs.
        share: the same in all the rest.
        fluency_share: the same in what reads the fluency of a text; `share` when None.

    Raises:
        ValueError: Their layers differ.
    """
    weights = encoder.network.state_dict()
    others = earlier.network.state_dict()
    if _shapes(weights) != _shapes(others):
        raise ValueError("`earlier` must have the layers of `encoder`")
    others[_WORDS] = _words_for(encoder, earlier)
    shares = dict.fromkeys(PAIR_PARTS, pair_share)
    if fluency_share is not None:
        shares |= dict.fromkeys(FLUENCY_PARTS, fluency_share)
    with torch.no_grad():
        for name, values in weights.items():
            own = (shares[part] for part in shares if name.startswith(part))
            values.lerp_(others[name], next(own, share))


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    """Return the shapes of all weights but those of the vocabulary."""
    return {name: values.shape for name, values in weights.items() if name != _WORDS}


def _words_for(encoder: Encoder, earlier: Encoder) -> torch.Tensor:
    """Return the earlier embeddings in the order of the encoder's vocabulary; the
    encoder's own where the earlier one lacks the token. *Shape:* (vocabulary, hidden)
    """
    known = earlier.tokenizer.get_vocab()
    words = encoder.network.state_dict()[_WORDS].clone()
    others = earlier.network.state_dict()[_WORDS]
    for token, number in encoder.tokenizer.get_vocab().items():
        if token in known:
            words[number] = others[known[token]]
    return words


def main() -> None:
    """Average as the command line says."""
    parser = command_parser("average_encoders", __doc__)
    add = parser.add_argument
    add("--encoder", type=Path, required=True, help="encoder.safetensors of a run")
    add("--earlier", type=Path, required=True, help="what its weights move towards")
    help_of_pairs = "share of the earlier weights in what reads pairs"
    add("--pair_share", type=float, default=PAIR_SHARE, help=help_of_pairs)
    add("--share", type=float, default=SHARE, help="the same in all the rest")
    help_of_fluency = "the same in what reads the fluency of a text"
    add("--fluency_share", type=float, help=f"{help_of_fluency}; SHARE when missing")
    add("--output_file", type=Path, required=True)
    args = parser.parse_args()
    encoder = Encoder.from_pretrained(args.encoder, device="cpu")
    earlier = Encoder.from_pretrained(args.earlier, device="cpu")
    average(encoder, earlier, args.pair_share, args.share, args.fluency_share)
    encoder.save_pretrained(args.output_file)
    print(f"wrote {args.output_file}")


if __name__ == "__main__":
    main()
