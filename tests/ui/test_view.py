"""The view and its link: what is set comes back exactly, and nothing that a link may hold breaks the page."""

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orthoui.errors import RequestError
from orthoui.evaluation.presets import recommended
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.zoo import PREFERRED_MODEL
from orthoui.paper.setting import Setting
from orthoui.ui.link import (
    ALWAYS_IN_LINK,
    REQUEST_FIELDS,
    to_query,
)
from orthoui.ui.view import View
from tests.ui.views import CHOICES, PAPER_IN_LINK, ZOO, opened, views


@given(view=views())
def test_a_link_opens_exactly_what_was_set(view: View) -> None:
    assert opened(to_query(view)) == (view, [])


def test_the_link_names_the_main_settings_and_only_what_differs() -> None:
    view = View(model=PREFERRED_MODEL, request=ForgetRequest(classes=(7, 2), ratio=0.1, strength=1))
    assert to_query(view) == {"model": PREFERRED_MODEL, "classes": "2-7", "ratio": "0.1", "strength": "1"}
    assert set(to_query(view)) == set(ALWAYS_IN_LINK)
    assert to_query(view.with_request(score="margin"))["score"] == "margin"
    assert to_query(view.model_copy(update={"example": 3}))["example"] == "3"
    chosen = to_query(view.model_copy(update={"paper": Setting(read_at="relu")})).items() - to_query(view).items()
    assert dict(chosen) == {
        "paper_dataset": "cifar10", "paper_architecture": "resnet18", "paper_width": "64", "paper_read_at": "relu"
    }  # fmt: skip


def test_without_a_link_the_recommended_setting_of_sneaker_is_shown() -> None:
    view, problems = opened({})
    assert problems == []
    assert view == View(model=PREFERRED_MODEL, request=recommended(ZOO.get(PREFERRED_MODEL), (7,)))
    assert opened({"classes": "3"})[0].request == recommended(ZOO.get(PREFERRED_MODEL), (3,))


def test_a_link_with_any_setting_starts_from_the_papers() -> None:
    view, _ = opened({"classes": "3", "strength": "0.9"})
    assert view.request == ForgetRequest(classes=(3,), strength=0.9)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("7", (7,)),
        ("9-1", (1, 9)),
        ("1,9", (1, 9)),
        ("sneaker", (7,)),
        ("T-shirt", (0,)),
        ("T-shirt,5-Bag", (0, 5, 8)),
    ],
)
def test_classes_are_named_by_number_or_by_name(text: str, classes: tuple[int, ...]) -> None:
    view, problems = opened({"classes": text})
    assert problems == []
    assert view.request.classes == classes


def test_as_many_channels_are_set_by_hand_as_a_request_can_hold() -> None:
    view, problems = opened({"classes": "7", "edits": "~".join(["conv1:3:0.5"] * 500)})
    assert (len(view.request.edits), problems) == (500, [])


def test_a_click_sets_what_is_there() -> None:
    view, model = opened({})[0], ZOO.get(PREFERRED_MODEL)
    there = {"layer": "layer4.1.conv2", "channel": 127, "cam_layer": "conv1", "other": 9, "tune_epochs": 10}
    there |= {"paper": Setting(width=32)}
    assert view.with_choices(model, **there) == view.model_copy(update=there)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"layer": "conv7"}, "no layer “conv7”. Choose one of: conv1"),
        ({"cam_layer": "fc"}, "no layer “fc”. Choose one of: conv1"),
        ({"layer": ["conv1"]}, "Layer cannot be “['conv1']”"),
        ({"channel": 16}, "Layer conv1 has no channel 16; its channels are 0 to 15"),
        ({"layer": "layer4.1.conv2", "channel": 128}, "its channels are 0 to 127"),
        ({"channel": "x"}, "Channel cannot be “x”"),
        ({"subject": 10}, "no class “10”. Choose one of: 0, 1, 2"),
        ({"paper": Setting(architecture="resnet19")}, "There is no architecture “resnet19”. Choose one of: resnet18"),
        ({"tune_epochs": 0}, "Epochs at most cannot be 0: choose a whole number from 1 to 10"),
    ],
)
def test_a_click_is_held_to_the_rules_of_a_link(choices: dict[str, object], sentence: str) -> None:
    view, model = opened({})[0], ZOO.get(PREFERRED_MODEL)
    with pytest.raises(RequestError, match=re.escape(sentence)):
        view.with_choices(model, **choices)


def test_a_long_value_is_cut_in_its_sentence() -> None:
    for name in ("model", "classes", "scope", "layer", "edits", "ratio"):
        asked = "layers:" + "x" * 3_000 if name == "scope" else "x" * 3_000
        (problem,) = opened({name: asked})[1]
        assert "x" * 40 in problem
        assert "x" * 70 not in problem


def test_several_bad_values_are_explained_one_by_one_in_order() -> None:
    _, problems = opened({"cam_rows": "0", "ratio": "2", "model": "gone", "example": "x", "seed": "x"})
    assert [problem.split(" ")[0] for problem in problems] == ["There", "Ratio", "Seed", "Example", "Rows"]


def test_what_a_link_holds_beyond_the_settings_is_ignored() -> None:
    assert opened({"utm_source": "mail", "embed": "true", "request": "{}"}) == opened({})


texts = st.text(max_size=60) | st.sampled_from(
    ["0", "1", "-1", "3.0", "1_0", "²", "٣", "1e400", "nan", "inf", "None", "True", "stage:1", "stage:", "layers:",
     "layers:.", "stage:0+99", "conv1", "conv1:0:0", "conv1:0:nan~", "~", ":", "-", ",", "7-7", "9" * 5_000, "\0"]
)  # fmt: skip
numbers = st.one_of(st.integers(), st.floats()).map(str)


@settings(max_examples=300)
@given(
    query=st.dictionaries(
        st.sampled_from([*CHOICES, *REQUEST_FIELDS, *PAPER_IN_LINK, "request", "v"]), texts | numbers
    )
)
@example(query={"other": "3.0", "cam_class": "3.0", "subject": "3.0"})
def test_no_link_breaks_the_page(query: dict[str, str]) -> None:
    view, problems = opened(query)
    assert all(problem.endswith(".") and "Error" not in problem for problem in problems)
    assert 1 <= len(view.request.classes) <= 9
    assert 0 <= view.request.ratio <= 0.5 and not math.isnan(view.request.strength)
    assert opened(to_query(view)) == (view, [])


def test_a_change_outside_the_bounds_is_refused_in_words() -> None:
    view = opened({})[0]
    assert view.with_request(ratio=0.3).request == view.request.model_copy(update={"ratio": 0.3})
    with pytest.raises(RequestError, match=r"Ratio cannot be 0\.9: choose a number from 0 to 0\.5\."):
        view.with_request(ratio=0.9)
