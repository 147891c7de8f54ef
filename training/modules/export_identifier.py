"""An identifier as ONNX and as TorchScript: token ids and their mask in, P(toxic) out,
each checked against the model.

Both files take any batch and length. Tokenizing is the caller's: the tokenizer.json
beside them, no special tokens.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from toxicity_j.builtin_identifier import ToxicityIdentifier

# Token ids and their mask -> P(toxic).
Exported = Callable[[torch.Tensor, torch.Tensor], np.ndarray]
# Largest difference of a probability between an export and the model.
TOLERANCE = 1e-5
# The texts of the check: of several lengths, one shorter than the convolutions are
# wide.
_SAMPLES = (
    "fine",
    "what a lovely day it is",
    "you absolute fool , go away and never come back",
)


class Probability(nn.Module):
    """The identifier with a sigmoid."""

    def __init__(self, model: ToxicityIdentifier) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return P(toxic). *Shape:* (batch, length) twice -> (batch,)"""
        return torch.sigmoid(self.model(ids, mask))


def export_torchscript(model: ToxicityIdentifier, folder: str | Path) -> Path:
    """Write `identifier.pt` and `tokenizer.json`.

    Raises:
        ValueError: the export does not score as the model does.
    """
    path = _prepare(model, folder) / "identifier.pt"
    with warnings.catch_warnings():
        # Tracing says that shapes are read; the checks below see whether that matters.
        warnings.simplefilter("ignore")
        samples = model.collate(model.encode(_SAMPLES))
        traced = torch.jit.trace(Probability(model), samples, check_trace=False)
    traced.save(str(path))
    loaded = torch.jit.load(str(path))

    def exported(ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        return loaded(ids, mask).numpy()

    _check(model, path, exported)
    return path


def export_onnx(model: ToxicityIdentifier, folder: str | Path) -> Path:
    """Write `identifier.onnx` and `tokenizer.json`.

    Raises:
        ImportError: the extra "onnx" is not installed.
        ValueError: the export does not score as the model does.
    """
    try:
        import onnx  # noqa: F401 (torch.onnx needs it)
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "exporting to ONNX needs the extra: pip install '.[onnx]' in a clone"
        ) from error
    path = _prepare(model, folder) / "identifier.onnx"
    axes = {
        "ids": {0: "batch", 1: "length"},
        "mask": {0: "batch", 1: "length"},
        "p_toxic": {0: "batch"},
    }
    with warnings.catch_warnings():
        # As above.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Probability(model),
            model.collate(model.encode(_SAMPLES)),
            str(path),
            input_names=["ids", "mask"],
            output_names=["p_toxic"],
            dynamic_axes=axes,
            # The other exporter takes a hundred times as long for the same graph.
            dynamo=False,
        )
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(path), providers=providers)

    def exported(ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        inputs = {"ids": ids.numpy(), "mask": mask.numpy()}
        return session.run(None, inputs)[0]

    _check(model, path, exported)
    return path


def _prepare(model: ToxicityIdentifier, folder: str | Path) -> Path:
    model.eval()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _check(model: ToxicityIdentifier, path: Path, exported: Exported) -> None:
    """Compare an export with the model on batches of several sizes and lengths."""
    rows = [ids or [0] for ids in model.encode(_SAMPLES)]
    for batch in (rows, rows[:1], rows[1:], [rows[2] * 9]):
        ids, mask = model.collate(batch)
        with torch.inference_mode():
            expected = torch.sigmoid(model(ids, mask)).numpy()
        difference = float(np.abs(exported(ids, mask) - expected).max())
        # Written so that NaN is refused too.
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{path} differs from the model by {difference:.2g} on a batch of shape"
                f" {tuple(ids.shape)}"
            )
