"""Train a small seq2seq transformer to detoxify, on a CPU: cross-entropy alone, and
with other objectives added.

    python -m examples.detox_training --data FOLDER --output FOLDER

FOLDER holds paradetox_train.tsv, tab separated, with the columns toxic, neutral1,
neutral2 and neutral3. For each seed one model is trained on cross-entropy. Copies of it
go on with cross-entropy alone and with the toxicity loss at several weights, in
processes side by side; flags add its other kind, minimum risk, and J as a reward. The
weight of each is chosen on one half of the held-out sentences, and the other half is
reported: P(toxic) by the identifier, which the loss uses, and by the encoder, which it
does not; SIM, FL and J.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch
from tokenizers import Tokenizer

from examples import detox_report as report
from examples.detox_model import END, MAX_TOKENS, START, rewrite, train_tokenizer
from examples.detox_objectives import OBJECTIVES, Pair
from examples.detox_run import Options, Training
from training.data.sources import Detoxified, read_paradetox

DATA_FILE = "paradetox_train.tsv"
# What each objective is multiplied by, where the command does not say. The others take
# longer or bring less.
WEIGHTS = {"toxicity loss": [0.2, 0.5]}


class Detoxing:
    """What a process needs to train, and to rewrite the held-out sentences.

    Args:
        tokenizer: of the generator.
        pairs: to train on.
        sources: held-out toxic sentences.
        options: what all runs share.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        pairs: Sequence[Pair],
        sources: list[str],
        options: Options,
    ) -> None:
        self.tokenizer, self.pairs = tokenizer, pairs
        self.sources, self.options = sources, options

    def warm_up(self, seed: int) -> bytes:
        """Train on cross-entropy alone for the first epochs; return the state."""
        training = self._training(seed)
        training.run(range(self.options.warm_epochs), f"seed {seed}, all runs")
        return training.saved()

    def go_on(self, seed: int, run: report.Run, state: bytes) -> list[str]:
        """Train for the other epochs with one objective; return the rewrites."""
        training = self._training(seed)
        training.restore(state)
        epochs = range(self.options.warm_epochs, self.options.epochs)
        objective, weight = run
        added = None
        if weight:
            added = OBJECTIVES[objective](self.tokenizer, weight)
        training.run(epochs, f"seed {seed}, {objective} {weight:g}", added)
        return rewrite(training.model, self.tokenizer, self.sources)

    def _training(self, seed: int) -> Training:
        size = self.tokenizer.get_vocab_size()
        return Training(self.pairs, size, self.options, seed)


def trained_rewrites(
    detoxing: Detoxing, pool: Executor, seeds: int, runs: Sequence[report.Run]
) -> Iterator[tuple[report.Run, list[str]]]:
    """Yield the rewrites of each seed's runs, as they are done.

    Args:
        detoxing: what is pickled to the processes.
        pool: of processes.
        seeds: how many.
        runs: what goes on from each seed's first epochs.
    """
    warming = {pool.submit(detoxing.warm_up, seed): seed for seed in range(seeds)}
    going = {}
    for warm in as_completed(warming):
        for run in runs:
            seed, state = warming[warm], warm.result()
            going[pool.submit(detoxing.go_on, seed, run, state)] = run
    for done in as_completed(going):
        yield going[done], done.result()


def main(arguments: Sequence[str] | None = None) -> dict[report.Run, report.Scores]:
    """Run the command; return the scores of the reported half, averaged over seeds."""
    given = _parser().parse_args(arguments)
    if not (given.data / DATA_FILE).is_file():
        raise SystemExit(
            f"--data must be a folder with {DATA_FILE} (ParaDetox, columns toxic,"
            f" neutral1 ...); got {given.data}"
        )
    options = Options(warm_epochs=given.warm_epochs, epochs=given.epochs)
    rows, held_out = read_paradetox(given.data)
    half = min(given.test_size, len(held_out) // 2)
    kept = held_out[: 2 * half]
    sources = [row.toxic for row in kept]
    runs = [report.BASELINE]
    for objective in OBJECTIVES:
        weights = getattr(given, _flag(objective))
        runs += [(objective, weight) for weight in weights]
    human = report.judge([row.rewrites[0] for row in kept], sources)
    found: dict[report.Run, list[report.Scores]] = {report.HUMAN: [human]}
    found |= {run: [] for run in runs}
    # Encoded once: a tokenizer that is trained again may break ties differently.
    detoxing = Detoxing(*_encode(rows), sources, options)
    # Workers share the cores, so each has one thread.
    with ProcessPoolExecutor(
        given.workers,
        get_context("spawn"),
        initializer=torch.set_num_threads,
        initargs=(1,),
    ) as pool:
        for run, rewrites in trained_rewrites(detoxing, pool, given.seeds, runs):
            found[run].append(report.judge(rewrites, sources))
    return report.write(found, given.output)


def _flag(objective: str) -> str:
    """Return the name of the option that gives an objective's weights."""
    return objective.lower().replace(" ", "_")


def _encode(rows: Sequence[Detoxified]) -> tuple[Tokenizer, list[Pair]]:
    """Train a tokenizer on sentences and their first rewrites, and return both as
    ids.
    """
    texts: list[str] = []
    for row in rows:
        texts += [row.toxic, row.rewrites[0]]
    tokenizer = train_tokenizer(texts)
    ids = [encoding.ids[: MAX_TOKENS - 1] for encoding in tokenizer.encode_batch(texts)]
    pairs = [
        (source, [START, *target, END])
        for source, target in zip(ids[::2], ids[1::2], strict=True)
    ]
    return tokenizer, pairs


def _parser() -> argparse.ArgumentParser:
    defaults = Options()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help=f"folder with {DATA_FILE}"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="folder for detox_training.json and .png",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="runs of everything, seeded 0, 1, ..."
    )
    parser.add_argument(
        "--warm-epochs",
        type=int,
        default=defaults.warm_epochs,
        help="of cross-entropy alone",
    )
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="in all")
    for objective in OBJECTIVES:
        parser.add_argument(
            "--" + _flag(objective).replace("_", "-"),
            type=float,
            nargs="*",
            default=WEIGHTS.get(objective, []),
            metavar="WEIGHT",
            help="weights of this objective",
        )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument(
        "--test-size",
        type=int,
        default=500,
        help="sentences to choose on, and to report",
    )
    return parser


if __name__ == "__main__":
    main()
