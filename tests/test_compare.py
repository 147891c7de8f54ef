"""Comparisons: ranks, groups, tests, words, and what goes to a file and comes back.
Scores are made by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from toxicity_j.compare import Comparison, compare
from toxicity_j.compare.analysis import contributions
from toxicity_j.compare.exports import render_segments
from toxicity_j.compare.gate import drops
from toxicity_j.compare.groups import indistinct_groups, letters, ranks
from toxicity_j.compare.records import Texts
from toxicity_j.compare.report import render_html
from toxicity_j.compare.tables import read_table
from toxicity_j.results import Segments

SIGNATURE = "j:emnlp2021|style:made|version:1"


def segments(sta, sim=None, fl=None, signature=SIGNATURE):
    """Segments whose J is the product of the factors."""
    style = np.asarray(sta, dtype=float)
    others = [
        None if factor is None else np.asarray(factor, dtype=float)
        for factor in (sim, fl)
    ]
    joint = None if sim is None else style * others[0] * others[1]
    return Segments(
        sta=style,
        p_toxic=1 - style,
        nontoxic=(style > 0.5).astype(float),
        sim=others[0],
        fl=others[1],
        j=joint,
        signature=signature,
    )


def three_systems(n=60):
    """Systems "good" and "close", whose J differs by chance only, and "bad", whose
    meaning is lost.
    """
    generator = np.random.default_rng(3)
    base = generator.uniform(0.6, 0.9, n)
    noise = generator.normal(0, 0.02, (2, n))
    return {
        "bad": segments(np.full(n, 0.9), base - 0.4, np.full(n, 0.8)),
        "good": segments(np.full(n, 0.9), base + noise[0], np.full(n, 0.8)),
        "close": segments(np.full(n, 0.9), base + noise[1], np.full(n, 0.8)),
    }


def test_the_better_system_stands_first_and_the_close_ones_together():
    comparison = compare(three_systems())
    assert [system.name for system in comparison.systems][-1] == "bad"
    assert [set(group) for group in comparison.groups] == [{"good", "close"}, {"bad"}]
    assert [system.letters for system in comparison.systems] == ["a", "a", "b"]
    assert comparison.main == "j"
    assert comparison.n == 60
    assert comparison.protocol == "emnlp2021"


def test_scores_are_means_and_intervals_hold_them():
    systems = three_systems()
    comparison = compare(systems)
    for name, scored in systems.items():
        estimate = comparison.system(name).scores["j"]
        assert estimate.value == pytest.approx(scored.j.mean())
        assert estimate.low < estimate.value < estimate.high
        # The spread of a mean of 60 values between .15 and .65 is about .01; the
        # interval has about 4 of them.
        assert estimate.high - estimate.low < 0.1


def test_the_verdict_names_the_better_system_the_difference_and_the_factor():
    # J is .9 * .8 * .5 = .36 against .9 * .4 * .5 = .18; only SIM differs, so all of it
    # comes from SIM.
    same = [0.9] * 8, [0.5] * 8
    comparison = compare(
        {
            "b": segments(same[0], [0.4] * 8, same[1]),
            "a": segments(same[0], [0.8] * 8, same[1]),
        }
    )
    # Of 2 ** 8 sign patterns two reach the sum: p = 2 / 256 = 0.0078.
    assert comparison.verdict == (
        (
            "a is better than b on J by 0.180 [0.180, 0.180], p = 0.008, mainly through"
            " SIM (+0.180)."
        ),
    )
    pair = comparison.pairs[0]
    assert (pair.wins, pair.ties, pair.losses) == (8, 0, 0)
    assert pair.differences["j"].effect_size is None  # all differences are equal
    assert pair.differences["sta"].p_value == 1.0


def test_the_factor_that_works_against_the_difference_is_named():
    comparison = compare(
        {
            "a": segments([1.0] * 8, [0.5] * 8, [1.0] * 8),
            "b": segments([0.2] * 8, [0.9] * 8, [1.0] * 8),
        }
    )
    # J .5 against .18. STA: .8 * (.5 + .9) / 2 = .56; SIM: -.4 * (1 + .2) / 2 = -.24;
    # together .32.
    assert comparison.pairs[0].contributions == pytest.approx(
        {"sta": 0.56, "sim": -0.24, "fl": 0.0}
    )
    assert (
        "mainly through STA (+0.560), in spite of SIM (-0.240)" in comparison.verdict[0]
    )


def test_contributions_add_up_to_the_difference():
    generator = np.random.default_rng(0)
    first, second = (
        {factor: generator.random(50) for factor in ("sta", "sim", "fl")}
        for _ in range(2)
    )
    whole = [np.mean(one["sta"] * one["sim"] * one["fl"]) for one in (first, second)]
    assert sum(contributions(first, second).values()) == pytest.approx(
        whole[0] - whole[1]
    )


def test_decisions_that_are_all_right_leave_doubt():
    estimate = compare({"a": segments([0.9] * 36)}).systems[0].scores["nontoxic_share"]
    # Wilson: with a share of 1 the lower end is n / (n + z ** 2) = 36 / (36 + 1.96 **
    # 2) = 0.904.
    assert (estimate.low, estimate.high) == pytest.approx((0.9036, 1.0), abs=1e-4)


def test_differences_of_decisions_that_are_all_equal_leave_doubt():
    comparison = compare({"a": segments([0.9] * 10), "b": segments([0.1] * 10)})
    share = comparison.pairs[0].differences["nontoxic_share"]
    # (10.5 - 0.5) / 12 - 1.96 * sqrt(11 - 100 / 12) / 12 = 0.8333 - 0.2667.
    assert (share.value, share.low, share.high) == pytest.approx(
        (1, 0.5666, 1), abs=1e-4
    )
    # One of two columns holds decisions: these are values, and so is their difference.
    mixed = compare({"a": segments([1.0] * 10), "b": segments([0.5] * 10)})
    style = mixed.pairs[0].differences["sta"]
    assert (style.low, style.high) == (0.5, 0.5)


def test_equal_systems_share_a_rank_and_no_winner_is_named():
    comparison = compare(
        {
            "a": segments([0.5] * 10),
            "b": segments([0.5] * 10),
            "c": segments([0.1] * 10),
        }
    )
    assert [(system.name, system.rank) for system in comparison.systems] == [
        ("a", 1),
        ("b", 1),
        ("c", 3),
    ]
    assert comparison.main == "sta"
    assert "a and b cannot be told apart on STA" in comparison.verdict[0]
    assert ranks({"x": 0.1, "y": 0.3, "z": 0.1}) == {"x": 2, "y": 1, "z": 2}


def test_no_detectable_difference_is_claimed_of_identical_systems():
    same = {"a": segments([0.2, 0.8] * 5), "b": segments([0.2, 0.8] * 5)}
    comparison = compare(same)
    assert comparison.smallest_difference == {}
    assert len(comparison.verdict) == 1
    assert "would be found" not in comparison.to_text()
    # The other pairs speak of what would be found.
    noise = np.random.default_rng(0).uniform(0, 1, 10)
    found = compare({**same, "c": segments(noise)})
    assert "would be found" in found.verdict[-1]
    assert found.smallest_difference["sta"] > 0
    # A difference that three decimals do not show is not told either.
    near = {"a": segments([0.5] * 10), "b": segments([0.5, 0.50001] * 5)}
    assert "difference of 0.000 on" not in " ".join(compare(near).verdict)


def test_p_values_are_corrected_over_the_pairs():
    comparison = compare(three_systems())
    raw = sorted(pair.differences["j"].p_value for pair in comparison.pairs)
    corrected = sorted(pair.differences["j"].p_corrected for pair in comparison.pairs)
    # Holm: the smallest of three times 3, the next times 2 and at least the first.
    assert corrected[0] == pytest.approx(3 * raw[0])
    assert corrected[1] == pytest.approx(max(3 * raw[0], 2 * raw[1]))
    assert "corrected p" in comparison.verdict[0]


def test_rounding_is_a_tie_everywhere():
    scores = np.random.default_rng(0).uniform(0.2, 0.8, 30)
    noise = np.random.default_rng(1).uniform(1e-8, 9e-7, 30)
    old, new = segments(scores), segments(scores - noise)
    comparison = compare({"a": old, "b": new})
    pair = comparison.pairs[0]
    difference = pair.differences["sta"]
    assert (pair.wins, pair.ties, pair.losses) == (0, 30, 0)
    assert (difference.p_value, difference.effect_size) == (1.0, None)
    # What is shown is the difference as it is.
    assert difference.value == pytest.approx(noise.mean())
    assert "cannot be told apart" in comparison.verdict[0]
    assert comparison.smallest_difference == {}
    assert drops(compare({"a": new}), compare({"a": old})) == []
    # Ten times as much is a difference.
    clear = compare({"a": old, "b": segments(scores - 10 * noise - 1e-6)}).pairs[0]
    assert (clear.wins, clear.ties, clear.losses) == (30, 0, 0)
    assert clear.differences["sta"].p_value < 0.01


def test_drops_are_corrected_over_the_systems():
    good, bad = segments([0.9] * 7), segments([0.5] * 7)
    # Of 2 ** 7 sign patterns two reach the sum: p = 2 / 128 = 0.0156, and 0.031 for two
    # systems.
    found = drops(compare({"a": bad}), compare({"renamed": good}))
    assert found == ["a: STA fell by 0.4 (p = 0.016)"]
    same = compare({"a": good, "b": good})
    assert drops(compare({"a": bad, "b": bad}), same) == [
        "a: STA fell by 0.4 (corrected p = 0.031)",
        "b: STA fell by 0.4 (corrected p = 0.031)",
    ]
    # One of seven segments rises by as much: p = 2 * 8 / 128 = 0.125.
    mixed = segments([0.5] * 6 + [1.3])
    assert drops(compare({"a": mixed, "b": good}), same) == []
    with pytest.raises(ValueError, match="keeps no per-segment scores of 'renamed'"):
        drops(
            compare({"a": bad}),
            Comparison.from_json(compare({"renamed": good}).to_json(segments=False)),
        )


@pytest.mark.parametrize(
    ("systems", "n", "options", "needs"),
    [
        # The smallest p-values are 1 / 11, 1 / 1001 above 0.0001, and 2 / 2 ** 5.
        (1, 20, {"n_resamples": 10}, "`--resamples` of at least 19 (got 10)"),
        (1, 20, {"confidence": 0.9999}, "`--resamples` of at least 9999 (got 1000)"),
        (1, 5, {}, "at least 6 segments (got 5)"),
        # Times 20 systems: 20 * 2 / 2 ** 9 = 0.078, 20 * 2 / 2 ** 10 = 0.039.
        (20, 9, {}, "at least 10 segments (got 9)"),
        (
            20,
            9,
            {"n_resamples": 398},
            "at least 10 segments (got 9) and `--resamples` of at least 399 (got 398)",
        ),
    ],
)
def test_a_gate_that_could_never_fail_is_refused(systems, n, options, needs):
    good = compare(dict.fromkeys(map(str, range(systems)), segments([0.9] * n)))
    bad = dict.fromkeys(map(str, range(systems)), segments([0.1] * n))
    message = re.escape(f"it needs {needs}, or a lower `--confidence`")
    with pytest.raises(ValueError, match=message):
        drops(compare(bad, **options), good)


def test_a_gate_that_can_just_fail_is_held():
    names = list(map(str, range(20)))
    generator = np.random.default_rng(0)
    good = dict.fromkeys(names, segments(generator.uniform(0.8, 0.9, 10)))
    bad = dict.fromkeys(names, segments(generator.uniform(0.1, 0.2, 10)))
    # 20 * 2 / 2 ** 10 = 0.039.
    assert len(drops(compare(bad, n_resamples=600), compare(good))) == 20
    # 1 / (9 + 1) is 1 - 0.9.
    one = drops(
        compare({"0": bad["0"]}, n_resamples=9, confidence=0.9),
        compare({"0": good["0"]}),
    )
    assert len(one) == 1


def test_a_saved_system_without_a_partner_is_refused():
    scored = segments([0.5] * 8)
    old = compare({"g": scored, "x": scored})
    message = r"no system that this comparison lacks; it has \['g'\] besides"
    with pytest.raises(ValueError, match=message):
        drops(compare({"g_v2": scored, "x": scored}), old)
    with pytest.raises(ValueError, match=message):
        drops(compare({"x": scored}), old)
    # A new system has nothing that it could fall from.
    assert drops(compare({"g": scored, "x": scored, "y": scored}), old) == []


def with_texts(references, signature=SIGNATURE, sources=("source",)):
    """A comparison of 8 segments with its texts."""
    scored = {"a": segments([0.5] * 8, signature=signature)}
    texts = Texts({"a": ["x"] * 8}, list(sources) * 8, references)
    return replace(compare(scored), texts=texts)


def test_results_of_other_sources_or_references_are_refused():
    one, other = [["one"]] * 8, [["other"]] * 8
    assert drops(with_texts(one), with_texts(one)) == []
    with pytest.raises(ValueError, match="same segments; its references differ"):
        drops(with_texts(one), with_texts(other))
    with pytest.raises(ValueError, match="its references differ"):
        drops(with_texts(one), with_texts(None))
    changed = with_texts(other, sources=("other",))
    with pytest.raises(ValueError, match="its sources and references differ"):
        drops(with_texts(one), changed)
    # No score is computed from them.
    unread = f"{SIGNATURE}|references:no"
    assert drops(with_texts(one, unread), with_texts(other, unread)) == []
    # They need not be kept.
    bare = replace(with_texts(other), texts=None)
    assert drops(with_texts(one), bare) == []


def test_a_baseline_stands_second_in_its_pairs():
    comparison = compare(three_systems(), baseline="bad")
    pairs = [(pair.first, pair.second) for pair in comparison.pairs]
    assert sum(second == "bad" for _, second in pairs) == 2
    assert sum("better than bad" in sentence for sentence in comparison.verdict) == 2


def test_groups_may_overlap():
    # a differs from c only: a and b, b and c cannot be told apart.
    groups = indistinct_groups(["a", "b", "c"], {frozenset("ac")})
    assert groups == [("a", "b"), ("b", "c")]
    assert letters(["a", "b", "c"], groups) == {"a": "a", "b": "ab", "c": "b"}
    assert indistinct_groups(["a", "b"], set()) == [("a", "b")]


def test_one_system_has_scores_and_no_pairs():
    comparison = compare({"only": segments([0.2, 0.4] * 5)})
    assert comparison.pairs == ()
    assert comparison.verdict[0].startswith("only: STA is 0.300 [")
    assert "rank" not in comparison.to_text()


def test_one_segment_has_no_interval_and_few_are_warned_of():
    comparison = compare({"a": segments([0.9]), "b": segments([0.1])})
    assert comparison.systems[0].scores["sta"].low is None
    assert comparison.warnings == (
        "1 segment is too few: below 6 no difference can be significant.",
    )
    assert "[" not in comparison.verdict[0]
    assert Comparison.from_json(comparison.to_json()) == comparison
    for render in ("to_text", "to_markdown", "to_latex", "to_csv", "_repr_html_"):
        assert getattr(comparison, render)()
    assert compare({"a": segments([0.9] * 6)}).warnings == ()


def test_too_few_resamples_for_many_pairs_are_said():
    systems = {
        str(place): segments(np.linspace(0, 1, 20) * place / 5) for place in range(5)
    }
    # 10 pairs times the smallest p-value of 101 draws is 10 / 101 > 0.05; 10 / (199 +
    # 1) = 0.05 would do.
    assert (
        "no difference can be significant below 199 resamples"
        in compare(systems, n_resamples=100).warnings[0]
    )
    # 10 / 201 = 0.0498 is just below 0.05, and 10 / 2001 = 0.005 is far below.
    assert (
        "the smallest possible corrected p-value is 0.050"
        in compare(systems, n_resamples=200).warnings[0]
    )
    assert compare(systems, n_resamples=2000).warnings == ()


def of_size(systems, n):
    """Return systems whose STA differs by chance only, by name."""
    generator = np.random.default_rng(n)
    return {str(place): segments(generator.random(n)) for place in range(systems)}


def test_what_can_lower_the_smallest_p_value_is_named():
    # One pair of 6 segments: 2 / 2 ** 6 = 0.031, whatever the number of resamples.
    (note,) = compare(of_size(2, 6), n_resamples=5000).warnings
    assert note == (
        "With 1 pair, 6 segments and 5000 resamples the smallest possible p-value is"
        " 0.031; more segments can lower it."
    )
    # 1 / 21 = 0.048 is more than 2 / 2 ** 20.
    (note,) = compare(of_size(2, 20), n_resamples=20).warnings
    assert note.endswith("p-value is 0.048; more resamples can lower it.")
    # Three pairs: 3 * 2 / 2 ** 7 = 0.047, corrected.
    (note,) = compare(of_size(3, 7)).warnings
    assert note.startswith("With 3 pairs, 7 segments and 1000 resamples")
    assert "corrected p-value is 0.047; more segments" in note


def test_too_few_segments_for_many_pairs_are_said():
    # 3 * 2 / 2 ** 6 = 0.094 is above 0.05.
    assert compare(of_size(3, 6)).warnings == (
        "6 segments are too few for 3 pairs: below 7 no difference can be significant.",
    )
    # 2 / 2 ** 5 = 0.0625 is below 1 - 0.9.
    (note,) = compare(of_size(2, 5), confidence=0.9).warnings
    assert "p-value is 0.062; more segments" in note
    (note,) = compare(of_size(2, 20), n_resamples=10).warnings
    assert note == "With 1 pair no difference can be significant below 19 resamples."


def test_nothing_is_said_of_differences_that_no_test_can_find():
    # 2 / 2 ** 6 = 0.031 reaches 0.05, and 3 * 0.031 does not.
    assert compare(of_size(2, 6)).smallest_difference["sta"] > 0
    assert compare(of_size(3, 6)).smallest_difference == {}
    assert "would be found" not in compare(of_size(3, 6)).to_text()
    # Six decisions that differ by -1, 0 and 1 would need a difference above 1.
    decisions = {"a": segments([1, 0, 1] * 2), "b": segments([0, 1, 1] * 2)}
    assert "nontoxic_share" not in compare(decisions).smallest_difference
    # 1 / 11 is above 0.05.
    assert compare(of_size(2, 20), n_resamples=10).smallest_difference == {}
    assert compare(of_size(2, 20), n_resamples=19).smallest_difference["sta"] > 0


def test_a_p_value_at_the_level_is_significant():
    # All 9 resamples are on one side: p = 1 / (9 + 1) = 0.1, and 1 - 0.9 is a little
    # less for floats.
    better = np.linspace(0.5, 0.9, 20)
    systems = {"a": segments(better), "b": segments(better / 4)}
    comparison = compare(systems, n_resamples=9, confidence=0.9)
    assert comparison.pairs[0].differences["sta"].p_value == 0.1
    assert [system.letters for system in comparison.systems] == ["a", "b"]
    assert "below 9 resamples" not in " ".join(comparison.warnings)


@pytest.mark.parametrize("kind", [list, np.array])
def test_languages_are_kept_and_averaged(kind):
    systems = {"a": segments([0.2, 0.4, 0.9, 0.7, 0.5, 0.5])}
    languages = kind(["en", "en", "de", "de", "de", "de"])
    comparison = compare(systems, languages=languages)
    # en (.2 + .4) / 2 = .3; de (.9 + .7 + .5 + .5) / 4 = .65.
    means = comparison.systems[0].by_language
    assert list(means) == ["de", "en"]
    assert means["en"]["sta"] == pytest.approx(0.3)
    assert means["de"]["sta"] == pytest.approx(0.65)


def test_languages_and_truncation_come_with_the_segments():
    scored = replace(
        segments([0.5] * 6),
        languages=["en", "de"] * 3,
        truncated={"style": 1, "content": 2},
    )
    comparison = compare({"a": scored})
    assert comparison.languages == ["en", "de"] * 3
    assert comparison.warnings == (
        "a: 1 text was truncated by the style model.",
        "a: 2 texts were truncated by the content model.",
    )
    assert comparison.systems[0].truncated == {"style": 1, "content": 2}
    assert Comparison.from_json(comparison.to_json()) == comparison


class FakeScorer:
    """Gives each text the score that it is."""

    def score(self, predictions, sources=None, references=None, languages=None):
        values = [float(text) for text in predictions]
        return segments(values, [1.0] * len(values), [1.0] * len(values))


def test_texts_are_scored_and_kept():
    outputs = {"a": ["0.9"] * 6, "b": ["0.1"] * 6}
    comparison = compare(
        outputs,
        ["source"] * 6,
        [["one", "two"]] * 6,
        scorer=FakeScorer(),
        files={"a.txt": "0" * 64},
    )
    assert comparison.systems[0].scores["j"].value == pytest.approx(0.9)
    assert comparison.texts == Texts(outputs, ["source"] * 6, [["one", "two"]] * 6)
    assert comparison.files == {"a.txt": "0" * 64}
    assert comparison.versions["toxicity_j"]
    assert comparison.date.endswith("+00:00")


def test_saved_comparisons_come_back_whole():
    comparison = compare(
        {"a": ["0.9"] * 7, 'b "quoted"\u2028': ["0.1"] * 7},
        ["<é>"] * 7,
        languages=["en"] * 7,
        scorer=FakeScorer(),
    )
    assert Comparison.from_json(comparison.to_json()) == comparison
    bare = Comparison.from_json(
        comparison.to_json(segments=False, texts=False, indent=None)
    )
    assert bare == replace(
        comparison,
        texts=None,
        systems=tuple(replace(system, segments={}) for system in comparison.systems),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "other"}',
        '{"format": "toxicity_j.comparison/1"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_saved_comparison_is_refused(text):
    with pytest.raises(ValueError, match="`text` must be a"):
        Comparison.from_json(text)


@pytest.mark.parametrize("text", [5, None, b"{}"])
def test_a_saved_comparison_is_a_string(text):
    with pytest.raises(TypeError, match="`text` must be a string; got"):
        Comparison.from_json(text)


def test_a_saved_comparison_with_a_distorted_part_is_refused():
    saved = json.loads(compare({"a": segments([0.5] * 6)}).to_json())
    saved["systems"][0]["scores"] = 3
    with pytest.raises(ValueError, match="`text` must be a whole saved comparison"):
        Comparison.from_json(json.dumps(saved))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["systems"], [], r"`systems` must have names that differ; got \[\]"),
        (
            ["systems", 0, "rank"],
            "x",
            r"`systems\[0\].rank` must be a whole number; got",
        ),
        (["systems", 0, "name"], 3, r"`systems\[0\].name` must be a string; got 3"),
        (
            ["systems", 0, "scores", "sta", "value"],
            "0.5",
            r"`systems\[0\].scores\['sta'\].value` must be a number; got '0.5'",
        ),
        (["systems", 0, "segments", "sta"], [0.5], "must have 6 items; got 1"),
        (
            ["systems", 0, "segments", "sta", 0],
            float("nan"),
            "a finite number; got nan",
        ),
        (["systems", 0, "segments", "sta", 0], 10**400, "a finite number; got 1000"),
        (["confidence"], -(10**400), "`confidence` must be a finite number; got -100"),
        (["main"], "j", r"`main` must be of \['sta', 'nontoxic_share'\]; got 'j'"),
        (["confidence"], True, "`confidence` must be a number; got True"),
        (["pairs", 0, "first"], "z", r"`pairs\[0\]` must be of \['a', 'b'\]; got 'z'"),
        (["n"], 0, "`n` must be at least 1; got 0"),
        (["groups"], None, "`groups` must be a list; got None"),
        (["languages"], ["en"], "`languages` must have 6 items; got 1"),
        (["texts"], {}, "`texts.predictions` is missing"),
    ],
)
def test_a_distorted_field_is_named(path, value, message):
    systems = {"a": segments([0.5] * 6), "b": segments([0.4] * 6)}
    saved = json.loads(compare(systems).to_json())
    part = saved
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        Comparison.from_json(json.dumps(saved))


def test_a_number_of_thousands_of_digits_is_not_a_comparison():
    saved = compare({"a": segments([0.5] * 6)}).to_json()
    longer = saved.replace('"seed": 0', f'"seed": 1{"0" * 5000}')
    with pytest.raises(ValueError, match="`text` must be a saved comparison"):
        Comparison.from_json(longer)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_segments_of_scores_and_of_texts(suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    ones = [1.0] * 2
    systems = {"a": segments([0.9, 0.9], ones, ones), "b": ["0.1", "0.2"]}
    mixed = compare(systems, ["s", "t"], scorer=FakeScorer())
    again = Comparison.from_json(mixed.to_json())
    content = render_segments(again, f"x.{suffix}")
    if suffix == "jsonl":
        rows = [json.loads(line) for line in content.splitlines()]
        assert [row["prediction"] for row in rows] == [None, None, "0.1", "0.2"]
        assert [row["source"] for row in rows] == ["s", "t"] * 2
    # Scores alone, of known sources.
    del systems["b"]
    content = render_segments(compare(systems, ["s", "t"]), f"x.{suffix}")
    if suffix == "jsonl":
        rows = [json.loads(line) for line in content.splitlines()]
        assert [row["source"] for row in rows] == ["s", "t"]
        assert "prediction" not in rows[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": Texts({"a": ["x", "y\tz"]})}, "segment 1 of a has a tab"),
        ({"texts": Texts({}, ["x\r", "y"])}, "segment 0 of sources has a tab"),
        ({"texts": Texts({"sources": ["x\n", "y"]})}, "segment 0 of sources has a tab"),
        ({"languages": ["en", "d\te"]}, "segment 1 of languages has a tab"),
    ],
)
def test_tsv_that_would_break_is_not_made(changes, message):
    comparison = replace(compare({"a": segments([0.9, 0.8])}), **changes)
    with pytest.raises(ValueError, match=message):
        render_segments(comparison, "x.tsv")
    with pytest.raises(ValueError, match="the name 'a.tb' has a tab"):
        render_segments(compare({"a\tb": segments([0.9])}), "x.tsv")


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        ({}, {}, "`systems` must hold at least one system"),
        ({" ": segments([0.5])}, {}, "names that are not empty"),
        ({"a b": segments([0.5]), " a  b": segments([0.5])}, {}, "names that differ"),
        (
            {"a": segments([0.5])},
            {"baseline": "b"},
            r"`baseline` must be one of \['a'\]; got 'b'",
        ),
        (
            {"a": segments([0.5]), "b": segments([0.5], signature="j:other")},
            {},
            "scored with the same settings",
        ),
        (
            {"a": segments([0.5]), "b": segments([0.5] * 2)},
            {},
            "the same number of segments",
        ),
        (
            {"a": segments([0.5]), "b": segments([0.5], [0.5], [0.5])},
            {},
            "must have the same scores",
        ),
        (
            {"a": segments([0.5])},
            {"languages": ["en", "de"]},
            "`languages` must have one item per segment; got 2",
        ),
        (
            {"a": segments([0.5])},
            {"sources": []},
            "`sources` must have one item per segment; got 0 for 1",
        ),
        (
            {"a": segments([float("nan")])},
            {},
            r"`systems\['a'\].sta` must be a non-empty list of finite numbers",
        ),
        (
            {"a": segments([])},
            {},
            r"`systems\['a'\].sta` must be a non-empty list of finite numbers",
        ),
        ({"a": segments([0.5])}, {"confidence": 1}, "`confidence`"),
        ({"a": segments([0.5])}, {"n_resamples": 0}, "`n_resamples`"),
        ({"a": segments([0.5])}, {"seed": -1}, "`seed`"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(systems, options, message):
    with pytest.raises(ValueError, match=message):
        compare(systems, **options)


KINDS = {
    "arrow": pa.array,
    "chunked arrow": lambda items: pa.chunked_array([items]),
    "numpy": lambda items: np.array(items, dtype=object),
    "pandas": pd.Series,
    "generator": iter,
}


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_every_kind_give_what_lists_give(kind):
    outputs, languages = ["0.9", "0.1"] * 3, ["en", "de"] * 3
    sources, references = ["source"] * 6, ["one"] * 6

    def compared(column):
        return compare(
            {"a": column(outputs), "b": column(outputs[::-1])},
            column(sources),
            column(references),
            column(languages),
            scorer=FakeScorer(),
        )

    expected, found = compared(list), compared(KINDS[kind])
    assert replace(found, date=expected.date) == expected
    assert Comparison.from_json(found.to_json()) == found
    assert found.texts == Texts(
        {"a": outputs, "b": outputs[::-1]}, sources, [["one"]] * 6
    )


def test_arrow_lists_of_references_become_lists():
    lists = [["one", "two"]] * 6
    given = {"a": ["0.9"] * 6}
    found = compare(given, references=pa.array(lists), scorer=FakeScorer())
    assert found.texts.references == lists
    assert found.to_json()


@pytest.mark.parametrize(
    ("systems", "columns", "message"),
    [
        ({"a": "0.9"}, {}, r"`systems\['a'\]` must be a list of strings"),
        ({"a": [0.9]}, {}, r"`systems\['a'\]` must hold strings only"),
        ({"a": ["0.9"]}, {"sources": {"x"}}, "`sources` must be a list of strings"),
        ({"a": ["0.9"]}, {"languages": [1]}, "`languages` must hold strings only"),
        ({"a": ["0.9"]}, {"references": 3}, "`references` must be a list of strings"),
    ],
)
def test_a_column_of_the_wrong_type_is_named(systems, columns, message):
    with pytest.raises(TypeError, match=message):
        compare(systems, **columns, scorer=FakeScorer())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": [1]}, "`files` must be a mapping from names to digests; got list"),
        ({"files": {"a.txt": 1}}, r"`files` must be .* strings; got \('a.txt', 1\)"),
        ({"scorer": 3}, "`scorer` must be a Scorer; got int"),
    ],
)
def test_an_option_of_the_wrong_type_is_named(options, message):
    with pytest.raises(TypeError, match=message):
        compare({"a": ["0.9"]}, **{"scorer": FakeScorer(), **options})


@pytest.mark.parametrize("column", ["sta", "nontoxic", "p_toxic"])
def test_segments_without_a_score_are_named(column):
    lacking = replace(segments([0.5] * 6), **{column: None})
    message = rf"`systems\['b'\].{column}` must be a non-empty list of finite numbers"
    with pytest.raises(TypeError, match=message):
        compare({"a": segments([0.5] * 6), "b": lacking})


def with_languages(*languages):
    return replace(segments([0.5] * len(languages)), languages=list(languages))


def test_systems_of_other_languages_are_refused():
    systems = {"a": with_languages("en", "de"), "b": with_languages("en", "fr")}
    message = (
        r"`systems` must have the same languages; systems\['b'\] has other languages"
        r" than systems\['a'\]: 'fr' and 'de' at index 1"
    )
    with pytest.raises(ValueError, match=message):
        compare(systems)
    with pytest.raises(ValueError, match=r"systems\['b'\] has .* than `languages`"):
        compare(systems, languages=["en", "de"])
    with pytest.raises(ValueError, match=r"`systems\['a'\].languages` must have one"):
        compare({"a": replace(segments([0.5] * 3), languages=["en"])})


def test_a_system_without_languages_has_those_of_the_others():
    systems = {"a": segments([0.5, 0.7]), "b": with_languages("en", "de")}
    comparison = compare(systems)
    assert comparison.languages == ["en", "de"]
    assert set(comparison.system("a").by_language) == {"en", "de"}


def test_the_macro_average_stands_in_every_table():
    # STA: en 0.5, de (0.2 + 0.4) / 2 = 0.3; the macro average is 0.4, not 1.1 / 3.
    systems = {"a": segments([0.5, 0.2, 0.4]), "b": segments([0.9, 0.8, 0.8])}
    comparison = compare(systems, languages=["en", "de", "de"])
    assert comparison.system("a").macro["sta"] == pytest.approx(0.4)
    assert comparison.signature == f"{SIGNATURE}|languages:de,en"
    assert comparison.protocol == "emnlp2021"
    lines = comparison.to_text().splitlines()
    place = lines.index("STA by language  de     en     macro average")
    assert lines[place + 1].split() == ["b", "0.800", "0.900", "0.850"]
    assert lines[place + 2].split() == ["a", "0.300", "0.500", "0.400"]
    table = "| STA by language | de | en | macro average |\n| --- | --- | --- | --- |\n"
    assert f"{table}| b | 0.800 | 0.900 | 0.850 |\n" in comparison.to_markdown()
    assert comparison.to_pandas()["sta_macro"].tolist() == pytest.approx([0.85, 0.4])
    assert ",sta_macro," in comparison.to_csv()
    assert Comparison.from_json(comparison.to_json()) == comparison


def test_results_of_earlier_versions_have_no_macro_average():
    comparison = compare({"a": segments([0.5, 0.2])}, languages=["en", "de"])
    saved = json.loads(comparison.to_json())
    del saved["systems"][0]["macro"]
    assert "by language" not in Comparison.from_json(json.dumps(saved)).to_text()


@pytest.mark.parametrize("systems", [[("a", ["x"])], {1: ["x"]}, None])
def test_systems_of_the_wrong_type_are_refused(systems):
    with pytest.raises(TypeError, match="`systems` must"):
        compare(systems)


def test_an_unknown_system_is_named():
    with pytest.raises(ValueError, match=r"`name` must be one of \['a'\]; got 'b'"):
        compare({"a": segments([0.5] * 6)}).system("b")


HOSTILE = "<b>x</b>|_&%\\\x1b[31m\nnext"


def test_names_are_escaped_in_every_form():
    comparison = compare({HOSTILE: segments([0.5] * 6), "b": segments([0.4] * 6)})
    assert "<b>" not in comparison._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt;" in comparison._repr_html_()
    # A name with a line break or a control character must not make a row of its own or
    # color the terminal.
    assert "\x1b" not in comparison.to_text()
    assert "\nnext" not in comparison.to_text()
    assert r"\<b\>x\</b\>\|\_&%" in comparison.to_markdown()
    assert r"<b>x</b>|\_\&\%\textbackslash{}" in comparison.to_latex()


def test_a_lone_carriage_return_survives_csv(tmp_path):
    name, texts = "mine\rnew", ["One\rtwo.", "Three\r\nfour.\n", 'Five, "six".']
    comparison = compare({name: segments([0.5, 0.4, 0.3])})
    comparison = replace(comparison, texts=Texts({name: texts}, sources=texts[::-1]))
    (tmp_path / "s.csv").write_bytes(render_segments(comparison, "s.csv"))
    columns = read_table(str(tmp_path / "s.csv")).columns
    assert columns["system"] == [name] * 3
    assert columns["prediction"] == texts
    assert columns["source"] == texts[::-1]
    (tmp_path / "scores.csv").write_bytes(comparison.to_csv().encode())
    assert read_table(str(tmp_path / "scores.csv")).columns["system"] == [name]
    assert "\r" not in comparison.to_latex()


@pytest.mark.parametrize("name", ["[2pt]", "*"])
def test_a_name_is_no_argument_of_what_stands_before_it_in_latex(name):
    systems = {name: segments([0.9] * 6), "b": segments([0.1] * 6)}
    rows = compare(systems).to_latex().splitlines()
    (row,) = [row for row in rows if row.removeprefix("{}").startswith(name)]
    assert row.startswith("{}" + name)


def test_captions_and_notes_name_no_bootstrap_where_intervals_are_wilsons():
    comparison = compare({"a": segments([1.0] * 6)})
    assert r"Means with 95 \% intervals over 6 segments." in comparison.to_latex()
    assert "with 95 % intervals; the bars" in render_html(comparison)


def test_tables_hold_the_same_numbers():
    comparison = compare(three_systems())
    frame = comparison.to_pandas()
    best = comparison.systems[0]
    assert frame.loc[best.name, "j"] == best.scores["j"].value
    assert frame.loc[best.name, "j_low"] == best.scores["j"].low
    header, first, *_ = comparison.to_csv().splitlines()
    assert header.startswith("system,rank,group,n,sta,sta_low,sta_high,")
    assert first.startswith(f"{best.name},1,a,60,{best.scores['sta'].value}")
    shown = f"{best.scores['j'].value:.3f} ["
    for text in (
        comparison.to_text(),
        comparison.to_markdown(),
        comparison.to_latex(),
        comparison._repr_html_(),
    ):
        assert shown in text
        assert SIGNATURE in text


def test_every_table_for_readers_names_the_languages():
    systems = {"a": segments([0.5, 0.2, 0.4]), "b": segments([0.1, 0.3, 0.1])}
    comparison = compare(systems, languages=["en", "de", "de"])
    for text in (
        comparison.to_text(),
        comparison.to_markdown(),
        comparison.to_latex(),
        comparison._repr_html_(),
    ):
        assert re.search("STA by language.*de.*en.*macro average", text)
    assert comparison.to_latex().count(r"\begin{table}") == 2
    assert comparison._repr_html_().count("<table>") == 2


def test_columns_of_the_text_table_line_up():
    lines = compare(three_systems()).to_text().split("\n\n")[0].splitlines()
    place = lines[0].index("STA")
    assert all(line[place - 1] == " " and line[place] == "0" for line in lines[1:])
    assert all(
        len(first.split()) == len(second.split())
        for first, second in pairwise(lines[1:])
    )


def test_importing_the_comparison_loads_nothing_heavy():
    heavy = ("evaluate", "datasets", "pandas", "scipy", "matplotlib", "jinja2")
    code = f"""
import sys
import toxicity_j.compare.statistics, toxicity_j.compare.render
import toxicity_j.compare.report
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_package_can_be_imported_by_every_idiom():
    code = """
import toxicity_j, toxicity_j.compare.statistics as statistics
from toxicity_j.compare.statistics import holm
from toxicity_j.compare import Comparison, report
assert toxicity_j.compare.statistics is statistics and statistics.holm is holm
assert toxicity_j.compare.Comparison is Comparison
assert toxicity_j.compare.report is report
import toxicity_j.compare.intervals as intervals
import toxicity_j.compare.model_index as model_index
assert toxicity_j.compare.intervals is intervals
assert toxicity_j.compare.model_index is model_index
assert callable(toxicity_j.compare)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        ({"a": ["x", "z"], "b": ["x"]}, {}, r"`systems\['b'\]` must be as long as"),
        ({"a": ["x", "z"]}, {"baseline": ["a"]}, "`baseline` must be one of"),
        ({"a\ud800": ["x", "z"]}, {}, "names without lone surrogates"),
    ],
)
def test_what_is_wrong_with_a_system_is_said(systems, options, message):
    with pytest.raises(ValueError, match=message):
        compare(systems, ["y", "q"], **options)
