"""The reward function, called as TRL calls it."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.objectives.reward import ToxicityReward, toxicity_reward

TEXTS = ["you are an idiot", "i think that you are wrong", "have a nice day"]


class ScorerStub:
    """Gives what was scored, and a J known beforehand."""

    def score(self, predictions, sources):
        self.seen = (predictions, sources)
        return type("Segments", (), {"j": np.arange(1, len(predictions) + 1) / 10})()


def test_p_non_toxic_of_texts_as_python_floats():
    rewards = toxicity_reward(
        completions=TEXTS,
        prompts=["x"] * 3,
        completion_ids=[[1]] * 3,
        trainer_state=None,
    )
    assert all(type(reward) is float for reward in rewards)
    np.testing.assert_allclose(
        rewards, 1 - ToxicityIdentifier.from_pretrained().p_toxic(TEXTS)
    )


def test_messages_are_read_like_texts():
    messages = [[{"role": "assistant", "content": text}] for text in TEXTS]
    assert toxicity_reward(completions=messages) == toxicity_reward(completions=TEXTS)
    call = [[{"role": "assistant", "content": None, "tool_calls": []}]]
    assert toxicity_reward(completions=call) == [0.0]


def test_j_where_the_dataset_has_sources():
    scorer = ScorerStub()
    reward = ToxicityReward(scorer=scorer)
    messages = [[{"role": "user", "content": "you fool"}]] * 3
    assert reward(prompts=["p"] * 3, completions=TEXTS, sources=messages) == [
        0.1,
        0.2,
        0.3,
    ]
    assert scorer.seen == (TEXTS, ["you fool"] * 3)
    assert reward(completions=["a", "b"]) == ToxicityReward("nontoxic")(
        completions=["a", "b"]
    )


def test_a_row_without_a_source_gets_none():
    scorer = ScorerStub()
    rewards = ToxicityReward(scorer=scorer)(
        completions=["a", "b", "", "d"], sources=["x", None, "y", "z"]
    )
    # The stub gives .1, .2, .3 to the three pairs that are scored; the second of these
    # is blank.
    assert rewards == [0.1, None, 0.0, 0.3]
    assert scorer.seen == (["a", "", "d"], ["x", "y", "z"])
    assert ToxicityReward("j", scorer=scorer)(completions=["a"], sources=[None]) == [
        None
    ]


def test_a_source_without_content_is_no_source():
    scorer = ScorerStub()
    empty = [{"role": "assistant", "content": None}]
    said = [{"role": "user", "content": "what a silly plan"}]
    rewards = ToxicityReward(scorer=scorer)(
        completions=["a", "b"], sources=[empty, said]
    )
    assert rewards == [None, 0.1]
    assert scorer.seen == (["b"], ["what a silly plan"])


def test_a_column_of_nearly_the_right_name_is_warned_about():
    with pytest.warns(
        UserWarning, match="has a column `source`; `toxicity_reward` reads `sources`"
    ):
        toxicity_reward(completions=["a"], source=["b"])


def test_asked_for_p_non_toxic_sources_are_not_used():
    assert ToxicityReward("nontoxic", scorer=ScorerStub())(
        TEXTS, sources=TEXTS
    ) == toxicity_reward(TEXTS)


@pytest.mark.parametrize(
    "copied",
    [lambda reward: pickle.loads(pickle.dumps(reward)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
def test_it_can_be_copied(copied: Callable[[ToxicityReward], ToxicityReward]):
    assert copied(toxicity_reward) is toxicity_reward
    j = copied(ToxicityReward("j", name="mine"))
    assert (j.score, j.__name__) == ("j", "mine")
    reward = ToxicityReward("nontoxic")
    expected = reward(TEXTS)
    # By now it holds an identifier.
    assert copied(reward)(TEXTS) == expected
    assert copied(ToxicityReward("nontoxic"))(TEXTS) == expected


def test_silence_does_not_pay():
    assert (
        toxicity_reward(completions=["", " \n", "\u200b", "\ufe0f", "\u2800", ".", "-"])
        == [0.0] * 7
    )
    assert ToxicityReward("j", scorer=ScorerStub())(
        completions=["", "a"], sources=["b", "c"]
    ) == [0.0, 0.2]


def test_nothing_in_nothing_out():
    assert toxicity_reward(completions=[]) == []


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="`score` must be one of"):
        ToxicityReward("fluency")
    with pytest.raises(ValueError, match="`sources` must be a column"):
        ToxicityReward("j", scorer=ScorerStub())(completions=["a"])
    for column in (None, "you fool", 3):
        with pytest.raises(TypeError, match="`completions` must be a list of texts"):
            toxicity_reward(column)
    with pytest.raises(TypeError, match="`sources` must be a list of texts"):
        ToxicityReward("j", scorer=ScorerStub())(completions=["a"], sources="b")
    with pytest.raises(TypeError, match="item 1 is 3"):
        toxicity_reward(completions=["a", 3])
    with pytest.raises(TypeError, match="`sources` must be texts"):
        ToxicityReward("j", scorer=ScorerStub())(completions=["a"], sources=[7])
    with pytest.raises(
        ValueError,
        match="`sources` must be as long as `completions`; got 2 items for 1",
    ):
        ToxicityReward("j", scorer=ScorerStub())(completions=["a"], sources=["b", "c"])
    with pytest.raises(
        ValueError, match="`completions` must hold valid Unicode; item 1"
    ):
        toxicity_reward(completions=["a", "b\ud83d"])
    with pytest.raises(ValueError, match="`sources` must hold valid Unicode"):
        ToxicityReward("j", scorer=ScorerStub())(completions=["a"], sources=["\udc00"])


def test_it_has_the_name_and_form_that_trl_needs():
    for reward in (toxicity_reward, ToxicityReward(name="my_reward")):
        assert reward.__name__ in ("toxicity_reward", "my_reward")
        kinds = [
            parameter.kind
            for parameter in inspect.signature(reward).parameters.values()
        ]
        assert inspect.Parameter.VAR_KEYWORD in kinds
        assert not inspect.iscoroutinefunction(reward)


@pytest.mark.skipif(
    not importlib.util.find_spec("trl"), reason="needs TRL: pip install trl"
)
def test_trl_accepts_it(tmp_path):
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    words = {
        word: place
        for place, word in enumerate(
            ["<pad>", "<eos>", "you", "are", "kind", "an", "idiot"]
        )
    }
    inner = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>"
    )
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(words),
            n_embd=16,
            n_layer=1,
            n_head=2,
            n_positions=32,
            bos_token_id=1,
            eos_token_id=1,
        )
    )
    data = Dataset.from_dict(
        {"prompt": ["you are"] * 4, "sources": ["you are an idiot"] * 4}
    )
    options = GRPOConfig(
        str(tmp_path),
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=4,
        max_steps=1,
        report_to=[],
        use_cpu=True,
        bf16=False,
    )
    reward = ToxicityReward("nontoxic")
    trainer = GRPOTrainer(
        model,
        reward_funcs=reward,
        args=options,
        train_dataset=data,
        processing_class=tokenizer,
    )
    trainer.train()
    assert any(
        "rewards/toxicity_reward/mean" in line for line in trainer.state.log_history
    )


@pytest.mark.parametrize("name", ["scorer", "identifier"])
def test_models_of_a_reward_are_checked_when_it_is_made(name):
    with pytest.raises(TypeError, match=f"`{name}` must be a"):
        ToxicityReward("j", **{name: "x"})
