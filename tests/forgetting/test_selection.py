"""Selection and plans: ties, scopes, edits by hand, and what cannot be asked."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from orthoui.errors import RequestError, UnknownNameError
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import layers_in_scope, make_plan
from orthoui.models.anatomy import Anatomy, ConvLayer

ANATOMY = Anatomy(
    (
        ConvLayer("stem", 8, "stem_bn", 16, 1),
        ConvLayer("body.conv", 16, "body.bn", 8, 2),
        ConvLayer("last", 10, None, 4, 3),
    ),
    "head",
)


def profile(means: Mapping[str, object] | None = None) -> ActivationProfile:
    rng = np.random.default_rng(0)
    made = {layer.name: rng.normal(size=(3, layer.channels)).astype(np.float32) for layer in ANATOMY.layers}
    return ActivationProfile({**made, **{name: np.asarray(value) for name, value in (means or {}).items()}}, 3)


def plan(means: Mapping[str, object] | None = None, **fields: object) -> Plan:
    request = ForgetRequest.model_validate({"classes": (0,), "ratio": 0.25, **fields})
    return make_plan(profile(means), ANATOMY, request)


def test_the_highest_scores_are_chosen_and_ties_go_to_the_lower_channel() -> None:
    response = np.zeros((3, 8), dtype=np.float32)
    response[0] = [0, 2, 1, 2, -5, 1, 1, 0]
    chosen = plan({"stem": response}, ratio=0.5).layers["stem"]
    assert chosen.channels.tolist() == [1, 3, 2, 5]
    assert chosen.cut == 1
    assert chosen.scores.tolist() == response[0].tolist()


def test_ties_go_to_the_lower_channel_in_wide_layers_too() -> None:
    wide = Anatomy((ConvLayer("wide", 256, None, 8, 1),), None)
    response = np.zeros((2, 256), dtype=np.float32)
    response[0] = np.arange(256) % 2
    tied = make_plan(ActivationProfile({"wide": response}, 2), wide, ForgetRequest(classes=(0,), ratio=0.3))
    assert tied.layers["wide"].channels.tolist() == list(range(1, 152, 2))


def test_a_channel_less_active_for_the_class_is_the_last_choice() -> None:
    response = np.zeros((3, 8), dtype=np.float32)
    response[0, 4] = -9
    assert 4 not in plan({"stem": response}, ratio=0.5).layers["stem"].channels


def test_scopes_name_layers_in_order_of_execution() -> None:
    assert layers_in_scope(ANATOMY, "all") == ("stem", "body.conv", "last")
    assert layers_in_scope(ANATOMY, "stage:3+1") == ("stem", "last")
    assert layers_in_scope(ANATOMY, "stage:02") == ("body.conv",)
    assert layers_in_scope(ANATOMY, "layers:last+stem+last") == ("stem", "last")
    assert set(plan(scope="stage:2").layers) == {"body.conv"}


def test_choices_of_a_layer_do_not_depend_on_the_scope() -> None:
    for score in ("difference", "random"):
        everywhere = plan(score=score).layers["last"]
        alone = plan(score=score, scope="layers:last").layers["last"]
        assert np.array_equal(everywhere.channels, alone.channels)


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ("stage:7", "There is no stage “7”. Choose one of: 1, 2, 3."),
        ("layers:stem+nose", "There is no layer “nose”. Choose one of: stem, body.conv, last."),
    ],
)
def test_an_unknown_stage_or_layer_names_the_ones_there_are(scope: str, sentence: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        plan(scope=scope)
    assert str(raised.value) == sentence


def test_forgetting_every_class_is_refused() -> None:
    with pytest.raises(RequestError) as raised:
        plan(classes=(0, 1, 2))
    assert str(raised.value) == (
        "All 3 classes cannot be forgotten: nothing would be left to keep. Choose between 1 and 2 of them."
    )


def test_a_class_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no class “3”\. Choose one of: 0, 1, 2\."):
        plan(classes=(0, 3))


def test_an_edit_overrides_the_plan_and_may_add_a_channel() -> None:
    unedited = plan(strength=1, attenuation="uniform").layers["stem"]
    spared = int(unedited.channels[0])
    other = next(channel for channel in range(8) if channel not in unedited.channels)
    edited = plan(
        strength=1,
        attenuation="uniform",
        edits=[{"layer": "stem", "channel": spared, "keep": 1}, {"layer": "stem", "channel": other, "keep": 0.25}],
    )
    assert edited.keep_of("stem", spared) == 1
    assert edited.keep_of("stem", other) == 0.25
    assert edited.keep_of("stem", int(unedited.channels[1])) == 0
    assert edited.keep_of("nowhere", 0) == 1
    assert edited.touched_channels == plan(strength=1, attenuation="uniform").touched_channels
    assert edited.layers["stem"].cut == unedited.cut


def test_an_edit_outside_the_scope_counts() -> None:
    edits = [{"layer": "last", "channel": 2, "keep": 0}]
    edited = plan(scope="layers:stem", edits=edits)
    assert set(edited.layers) == {"stem", "last"}
    assert (edited.touched_layers, edited.layers["last"].channels.tolist()) == (2, [2])
    alone = plan(ratio=0, edits=edits)
    assert (alone.touched_channels, alone.touched_layers) == (1, 1)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({"layer": "last", "channel": 10, "keep": 0}, "Layer last has no channel 10; its channels are 0 to 9."),
        (
            {"layer": "nose", "channel": 0, "keep": 0},
            "There is no layer “nose”. Choose one of: stem, body.conv, last.",
        ),
    ],
)
def test_an_edit_of_what_does_not_exist_says_what_does(edit: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError) as raised:
        plan(edits=[edit])
    assert str(raised.value) == sentence


def test_plans_with_the_same_effect_share_their_digest() -> None:
    made = plan(attenuation="uniform", strength=0.5)
    layer = made.layers["body.conv"]
    turned = dataclasses.replace(layer, channels=layer.channels[::-1].copy(), scores=-layer.scores, cut=None)
    assert Plan(made.request, {**made.layers, "body.conv": turned}).digest == made.digest
    spared = [{"layer": "stem", "channel": c, "keep": 1} for c in range(8) if c not in made.layers["stem"].channels]
    assert plan(attenuation="uniform", strength=0.5, edits=spared).digest == made.digest
    assert plan(attenuation="uniform", strength=0.5, images_per_class=9).digest == made.digest


def test_plans_with_different_effects_have_different_digests() -> None:
    variants: list[dict[str, object]] = [
        {},
        {"strength": 0.5},
        {"ratio": 0.5},
        {"target": "bn"},
        {"classes": (1,)},
        {"scope": "layers:last"},
        {"attenuation": "uniform"},
        {"edits": [{"layer": "stem", "channel": 0, "keep": 0.125}]},
    ]
    assert len({plan(**fields).digest for fields in variants}) == len(variants)


def test_the_random_score_follows_the_seed() -> None:
    one, again, other = (plan(score="random", seed=seed, ratio=0.5).digest for seed in (1, 1, 2))
    assert one == again != other
