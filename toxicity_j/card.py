"""What `evaluate` shows of the module: description, arguments and results, citation."""

DESCRIPTION = """\
J, the metric of text detoxification: is the rewrite civil, does it still mean the same,
and is it fluent? STA (style accuracy) is how civil the predictions are, SIM
their content similarity to the sources, FL their fluency, and J the mean over segments
of STA * SIM * FL. Every published variant is a named configuration; the default,
`embedded`, runs on one small built-in model.
"""

INPUTS_DESCRIPTION = """
Args:
    predictions: list of strings, the rewrites to judge. An empty one is scored, not
        rejected.
    sources: list of strings, the texts that were rewritten; without them only STA is
        computed.
    references: list of strings, or of lists of strings, for the configurations that use
        human rewrites.
    languages: list of strings, for results by language.
    per_segment: also return `segments`, the scores of each segment.
    bleu_source: also return the character BLEU of the predictions against the sources
        that some scripts print beside J. It leaves out pairs with a text of at most 3
        characters, and is 0 without any other pair.
    confidence: also return `ci`, the interval of each score at this level, in (0, 1);
        Wilson's for decisions, else by bootstrap; needs the installed package.
    unterminated: "predictions", "sources" or both, if the last line of that file has no
        newline.
Returns:
    sta: mean style score, in [0, 1], higher is better (soft or hard as the
        configuration says).
    nontoxic_share: share of predictions at or under the toxicity threshold, in [0, 1],
        higher is better.
    sim: mean content similarity, in [0, 1] ([-1, 1] where it is a cosine), higher is
        better.
    fl: mean fluency (the configuration's third factor), in [0, 1], higher is better.
    j: mean over segments of sta * sim * fl, higher is better.
    n: number of segments.
    signature: what was computed, with which models; numbers with different signatures
        cannot be compared.
    languages, macro: with `languages`, the scores of each, and their mean.
    truncated: how many texts a model read only in part, by role; absent when none.
Examples:
    >>> import evaluate
    >>> metric = evaluate.load("toxicity_j")
    >>> scores = metric.compute(
    ...     predictions=["That plan won't work."],
    ...     sources=["That d*mn plan won't work, you fool."],
    ... )
    >>> sorted(scores)
    ['fl', 'j', 'n', 'nontoxic_share', 'signature', 'sim', 'sta']
"""

CITATION = """\
@inproceedings{dale-etal-2021-text,
  title = {Text Detoxification using Large Pre-trained Neural Models},
  author = {Dale, David and Voronov, Anton and Dementieva, Daryna and
    Logacheva, Varvara and Kozlova, Olga and Semenov, Nikita and Panchenko, Alexander},
  booktitle = {EMNLP},
  year = {2021}
}
@inproceedings{logacheva-etal-2022-paradetox,
  title = {ParaDetox: Detoxification with Parallel Data},
  author = {Logacheva, Varvara and Dementieva, Daryna and
    Ustyantsev, Sergey and Moskovskiy, Daniil and Dale, David and Krotova, Irina and
    Semenov, Nikita and Panchenko, Alexander},
  booktitle = {ACL},
  year = {2022}
}
"""

REFERENCE_URLS = [
    "https://arxiv.org/abs/2109.08914",
    "https://aclanthology.org/2022.acl-long.469",
]
