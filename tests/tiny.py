"""Small random checkpoints in the formats of the published ones, built in a folder and
loaded offline.

Weights are wide enough for logits to differ between texts. The tokenizers were trained
once on `TEXTS` and lie in `data/tokenizers`, because two trainings break ties
differently. To train them again: `python -m tests.tiny`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

TOKENIZERS = Path(__file__).resolve().parent / "data" / "tokenizers"

# Plain and rude English, other scripts, symbols and spacing that tokenizers treat
# differently.
TEXTS = [
    "You are a silly fool , and everybody knows it .",
    "I think that you are mistaken about this.",
    "Shut up! Nobody wants to hear your rubbish ( really ) ?",
    "Please be quiet, nobody wants to hear this.",
    "What a load of garbage this article is!!!",
    "This article is not good.",
    "Он очень глупый человек, честно говоря.",
    "Das ist doch völliger Quatsch, du Trottel.",
    "这篇文章真的很糟糕。",
    "the dog ran outside and the puppy ran into the trees",
    "\"Quotes\" and 'apostrophes' can't be skipped; e.g. U.S.A. costs $5.00 ...",
    "ab",
    "a",
    "!!!",
    "🙂🙂 fine 🙂",
    "line one line two",
]


def roberta(
    folder: Path,
    *,
    labels: Sequence[str] | None = None,
    num_labels: int = 2,
    seed: int = 0,
    positions: int = 514,
) -> Path:
    """A RoBERTa sequence classifier with a byte-level BPE tokenizer, in which a newline
    is a token.
    """
    from transformers import (
        RobertaConfig,
        RobertaForSequenceClassification,
        RobertaTokenizerFast,
    )

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = RobertaTokenizerFast(
        vocab=str(TOKENIZERS / "vocab.json"),
        merges=str(TOKENIZERS / "merges.txt"),
        model_max_length=positions - 2,
    )
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        type_vocab_size=1,
        **_shape(labels, num_labels),
    )
    return _save(RobertaForSequenceClassification, config, tokenizer, folder, seed)


def xlm_roberta(
    folder: Path,
    *,
    labels: Sequence[str] | None = None,
    num_labels: int = 2,
    seed: int = 0,
) -> Path:
    """An XLM-R sequence classifier with a SentencePiece unigram tokenizer."""
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = unigram_tokenizer(512)
    # Room for the ids of another model's tokenizer.
    config = XLMRobertaConfig(
        vocab_size=400,
        max_position_embeddings=514,
        type_vocab_size=1,
        **_shape(labels, num_labels),
    )
    return _save(XLMRobertaForSequenceClassification, config, tokenizer, folder, seed)


def bert(
    folder: Path,
    *,
    head: bool = True,
    labels: Sequence[str] | None = None,
    num_labels: int = 2,
    seed: int = 0,
) -> Path:
    """A BERT sequence classifier, or without a head the bare model with its pooler; a
    WordPiece tokenizer.
    """
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertModel,
        BertTokenizerFast,
    )

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = BertTokenizerFast(
        vocab=str(TOKENIZERS / "vocab.txt"), model_max_length=512
    )
    config = BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        **_shape(labels, num_labels),
    )
    return _save(
        BertForSequenceClassification if head else BertModel,
        config,
        tokenizer,
        folder,
        seed,
    )


def sentence_transformer(folder: Path, *, seed: int = 0) -> Path:
    """A sentence-transformers folder in LaBSE's shape: transformer, CLS pooling, dense
    with tanh, normalisation.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

    transformer = Transformer(
        str(bert(folder / "base", head=False, seed=seed)), max_seq_length=64
    )
    torch.manual_seed(seed)
    # sentence-transformers 6 renamed it.
    renamed = hasattr(transformer, "get_embedding_dimension")
    size = (
        transformer.get_embedding_dimension()
        if renamed
        else transformer.get_word_embedding_dimension()
    )
    modules = [
        transformer,
        Pooling(size, pooling_mode="cls"),
        Dense(size, size, activation_function=torch.nn.Tanh()),
        Normalize(),
    ]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"))
    return folder / "model"


def wieting(folder: Path, *, seed: int = 0, dim: int = 8) -> Path:
    """`sim.pt` and `sim.sp.30k.model` as the authors publish them: a vocabulary of
    pieces, embeddings, a Namespace.
    """
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    lowered = folder / "texts.txt"
    lowered.write_text("\n".join(text.lower() for text in TEXTS), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(lowered),
        model_prefix=str(folder / "sim.sp.30k"),
        vocab_size=160,
        hard_vocab_limit=False,
        character_coverage=0.98,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(
        model_file=str(folder / "sim.sp.30k.model")
    )
    pieces = [processor.id_to_piece(i) for i in range(3, processor.get_piece_size())]
    # A frequent piece lies at index 0, which the published look-up drops; every fifth
    # piece is unknown.
    known = [
        pieces[0],
        *(piece for i, piece in enumerate(pieces[1:]) if i % 5),
        "UUUNKKK",
    ]
    torch.manual_seed(seed)
    state = {"embedding.weight": torch.randn(len(known), dim)}
    vocabulary = {piece: i for i, piece in enumerate(known)}
    args = argparse.Namespace(dim=dim, gpu=0, model="wordaverage")
    torch.save(
        {"state_dict": state, "vocab_words": vocabulary, "args": args},
        folder / "sim.pt",
    )
    return folder


def xcomet(folder: Path, *, seed: int = 0) -> Path:
    """An XCOMET over a small DeBERTa, its weights named as in the published file;
    settings and tokenizer in `encoder/`.
    """
    from safetensors.torch import save_file
    from transformers import DebertaV2Config, DebertaV2Model

    (folder / "encoder").mkdir(parents=True, exist_ok=True)
    tokenizer = unigram_tokenizer(128)
    tokenizer.save_pretrained(folder / "encoder")
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=32,
        pos_att_type=["p2c", "c2p"],
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
        initializer_range=0.4,
    )
    config.save_pretrained(folder / "encoder")
    torch.manual_seed(seed)
    state = {
        f"encoder.model.{name}": tensor
        for name, tensor in DebertaV2Model(config).state_dict().items()
    }
    state |= {
        f"layerwise_attention.scalar_parameters.{i}": torch.randn(1) for i in range(4)
    }
    state["layerwise_attention.gamma"] = torch.tensor([1.1])
    sizes = [16, 12, 6, 1]
    for place, (before, after) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        state |= _linear(f"estimator.ff.{3 * place}", before, after)
    state |= _linear("hidden2tag", 16, 4)
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()},
        folder / "model.safetensors",
    )
    settings = {
        "pretrained_model": "encoder",
        "word_layer": 2,
        "hidden_sizes": [12, 6],
        "layer_transformation": "softmax",
    }
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def unigram_tokenizer(model_max_length: int):
    """A SentencePiece-like tokenizer with XLM-R's special tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_file(str(TOKENIZERS / "unigram.json"))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=model_max_length,
    )


def _shape(labels: Sequence[str] | None, num_labels: int) -> dict:
    """A transformer of a few thousand weights, spread widely."""
    classes = {"num_labels": num_labels}
    if labels is not None:
        classes = {
            "id2label": dict(enumerate(labels)),
            "label2id": {label: i for i, label in enumerate(labels)},
        }
    return {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "initializer_range": 0.6,
        **classes,
    }


def _save(architecture, config, tokenizer, folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    model = architecture(config).eval()
    if hasattr(model, "classifier"):
        _spread(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _spread(model, tokenizer) -> None:
    """Makes each logit vary about 0 over `TEXTS`, with a standard deviation of 2, so
    that every class is the largest somewhere.
    """
    last = getattr(model.classifier, "out_proj", model.classifier)
    with torch.no_grad():
        logits = torch.cat(
            [model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS]
        )
        scale = 2 / logits.std(0)
        last.bias.copy_((last.bias - logits.mean(0)) * scale)
        last.weight.mul_(scale[:, None])


def _linear(name: str, before: int, after: int) -> dict[str, torch.Tensor]:
    return {
        f"{name}.weight": torch.randn(after, before),
        f"{name}.bias": torch.randn(after),
    }


def train_tokenizers(folder: Path = TOKENIZERS) -> None:
    """Trains the tokenizers on `TEXTS` and writes them to `folder`."""
    from tokenizers import (
        BertWordPieceTokenizer,
        ByteLevelBPETokenizer,
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
        processors,
        trainers,
    )

    folder.mkdir(parents=True, exist_ok=True)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    byte_level = ByteLevelBPETokenizer()
    byte_level.train_from_iterator(
        TEXTS,
        vocab_size=400,
        min_frequency=1,
        special_tokens=special,
        show_progress=False,
    )
    byte_level.save_model(str(folder))
    word_piece = BertWordPieceTokenizer(lowercase=True)
    word_piece.train_from_iterator(
        TEXTS, vocab_size=300, min_frequency=1, show_progress=False
    )
    word_piece.save_model(str(folder))
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=250, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    unigram.train_from_iterator(TEXTS, trainer)
    unigram.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    unigram.save(str(folder / "unigram.json"))


if __name__ == "__main__":
    train_tokenizers()
