"""What is measured: random-weight checkpoints of the published shapes, and a corpus
with the lengths of real comments.

Nothing is downloaded. Texts are frequent words in no order, one token each to the
built-in encoder and to the tokenizer made here, so that they have as many tokens as
intended; random weights cost what trained ones cost.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from toxicity_j.builtin_weights import find_weights

# Tokens a text, special ones included: log-normal with mean 18, as toxic comments and
# their rewrites have.
MEAN_TOKENS, SIGMA = 18, 0.6
MOST_TOKENS = 128

WORDS = 4000


@dataclass(frozen=True)
class Shape:
    """A published model's shape.

    Attributes:
        family: transformers' model_type.
        vocabulary: tokens in its embedding table.
        layers, hidden, heads, intermediate: of its transformer.
    """

    family: str
    vocabulary: int
    layers: int
    hidden: int
    heads: int
    intermediate: int

    @property
    def flops_per_token(self) -> int:
        """Multiplications and additions of the layers' matrices, twice their weights;
        attention's own are left out.
        """
        attention = 4 * self.hidden**2
        feed_forward = 2 * self.hidden * self.intermediate
        return 2 * self.layers * (attention + feed_forward)


# config.json of FacebookAI/roberta-base (s-nlp/roberta_toxicity_classifier),
# FacebookAI/roberta-large (cointegrated/roberta-large-cola-krishna2020),
# sentence-transformers/all-MiniLM-L6-v2 and distilbert-base-uncased, which stands for
# the models that are not packed.
SHAPES = {
    "RoBERTa-base": Shape("roberta", 50265, 12, 768, 12, 3072),
    "RoBERTa-large": Shape("roberta", 50265, 24, 1024, 16, 4096),
    "MiniLM-L6": Shape("bert", 30522, 6, 384, 12, 1536),
    "DistilBERT": Shape("distilbert", 30522, 6, 768, 12, 3072),
}
# The same layout for the smoke test.
SMALL_SHAPES = {
    name: Shape(shape.family, 5000, 2, 32, 2, 64) for name, shape in SHAPES.items()
}


def build(folder: Path, shape: Shape) -> str:
    """Write a checkpoint with random weights and the benchmark's tokenizer; leave one
    that is there as it is.
    """
    if (folder / "model.safetensors").exists():
        return str(folder)
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(0)
    names = _NAMES.get(shape.family, _BERT_NAMES)
    values = (shape.hidden, shape.layers, shape.heads, shape.intermediate)
    sizes = dict(zip(names, values, strict=True))
    special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    config = AutoConfig.for_model(
        shape.family,
        vocab_size=shape.vocabulary,
        max_position_embeddings=514,
        num_labels=2,
        **sizes,
        **special,
    )
    model = AutoModelForSequenceClassification.from_config(config)
    _spread(model)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


_BERT_NAMES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
)
# Families whose config.json names its sizes otherwise.
_NAMES = {"distilbert": ("dim", "n_layers", "n_heads", "hidden_dim")}


@cache
def words() -> tuple[str, ...]:
    """Return the first English words of the built-in encoder's vocabulary, which is
    sorted by frequency.
    """
    with safe_open(str(find_weights("encoder.safetensors")), framework="pt") as file:
        stored = json.loads(file.metadata()["tokenizer"])
    vocabulary = stored["model"]["vocab"]
    ordered = sorted(vocabulary, key=vocabulary.get)
    return tuple(filter(_is_word, ordered))[:WORDS]


def _is_word(token: str) -> bool:
    return len(token) > 1 and token.isascii() and token.isalpha()


def tokenizer() -> Any:
    """Build a WordPiece tokenizer, fast as those of the published models are."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {token: i for i, token in enumerate([*special, *words()])}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("<s>", 0), ("</s>", 2)]
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
    )


def corpus(texts: int, seed: int = 0) -> list[str]:
    """Draw texts of random words in no order, as long as `MEAN_TOKENS` says."""
    generator = random.Random(seed)
    vocabulary = words()
    # The mean of a log-normal lies half a variance above its center.
    center = torch.log(torch.tensor(float(MEAN_TOKENS))).item() - SIGMA**2 / 2
    lengths = []
    for _ in range(texts):
        drawn = round(generator.lognormvariate(center, SIGMA))
        lengths.append(min(MOST_TOKENS, max(3, drawn)))
    made = []
    for length in lengths:
        # Two tokens are special ones.
        chosen = generator.choices(vocabulary, k=length - 2)
        made.append(" ".join(chosen))
    return made


def _spread(model: Any) -> None:
    """Widen the output layer, so that logits have mean 0 and standard deviation 1."""
    head = getattr(model.classifier, "out_proj", model.classifier)
    texts = corpus(64, seed=1)
    with torch.no_grad():
        encoded = tokenizer()(texts, padding=True, return_tensors="pt")
        logits = model.eval()(**encoded).logits
        scale = 1 / logits.std(0)
        head.bias.copy_(-logits.mean(0) * scale)
        head.weight.mul_(scale[:, None])
