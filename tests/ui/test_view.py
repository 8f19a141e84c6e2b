"""The view and its link: what is set comes back exactly, and nothing that a link may hold breaks the page."""

import math
import re
from collections.abc import Mapping
from typing import get_args

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orthoui.errors import RequestError
from orthoui.evaluation.presets import recommended
from orthoui.forgetting.request import Attenuation, ForgetRequest, ReadAt, Score, Target
from orthoui.ledger import State
from orthoui.methods import METHODS
from orthoui.models.zoo import PREFERRED_MODEL, Zoo
from orthoui.paper.setting import Setting
from orthoui.settings import assets_folder
from orthoui.training.recipe import PenalisedLayers, Penalty, Recipe
from orthoui.ui.link import (
    ALWAYS_IN_LINK,
    NESTED,
    PAPER_FIELDS,
    RECIPE_FIELDS,
    REQUEST_FIELDS,
    from_query,
    to_query,
)
from orthoui.ui.view import LedgerOrder, View

PLAIN = "fashion-mnist-resnet18-w16-plain"
REFERENCE = f"{PREFERRED_MODEL}-without-7"
CHOICES = tuple(name for name in View.model_fields if name not in NESTED)
NAMES = (
    "train_dataset",
    "train_architecture",
    "paper_dataset",
)  # any text may be a name; the page says what is not there
PAPER_IN_LINK = tuple(f"paper_{name}" for name in PAPER_FIELDS)
ZOO = Zoo((assets_folder() / "models",), torch.device("cpu"))


def opened(query: Mapping[str, str]) -> tuple[View, list[str]]:
    return from_query(query, ZOO)


@st.composite
def edits(draw: st.DrawFn) -> list[dict[str, object]]:
    layers = st.sampled_from(ZOO.get(PREFERRED_MODEL).anatomy.layers)
    found = []
    for layer in draw(st.lists(layers, max_size=4)):
        channel = draw(st.integers(0, layer.channels - 1))
        found.append({"layer": layer.name, "channel": channel, "keep": draw(st.floats(0, 1))})
    return found


@st.composite
def scopes(draw: st.DrawFn) -> str:
    anatomy = ZOO.get(PREFERRED_MODEL).anatomy
    stages = st.lists(st.sampled_from(anatomy.stages), min_size=1)
    layers = st.lists(st.sampled_from(anatomy.names), min_size=1, max_size=8)
    stage_scope = stages.map(lambda picked: "stage:" + "+".join(map(str, picked)))
    layer_scope = layers.map(lambda picked: "layers:" + "+".join(picked))
    return draw(st.just("all") | stage_scope | layer_scope)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    return Recipe(
        dataset=draw(st.text(max_size=20)),
        architecture=draw(st.sampled_from(["resnet18", "timm:resnet10t"])),
        width=draw(st.integers(4, 512)),
        orthogonality=draw(st.floats(0, 1)),
        penalty=draw(st.sampled_from(get_args(Penalty))),
        ortho_layers=draw(st.sampled_from(get_args(PenalisedLayers))),
        epochs=draw(st.integers(1, 1000)),
        learning_rate=draw(st.floats(1e-6, 10)),
        flip=draw(st.booleans()),
        seed=draw(st.integers(0, 2**31 - 1)),
        forgets=tuple(sorted(draw(st.sets(st.integers(0, 9))))),
    )


RUN_IDS = st.from_regex(r"[0-9]{8}-[0-9]{12}-[0-9a-z]{6}", fullmatch=True)


@st.composite
def paper_settings(draw: st.DrawFn) -> Setting:
    return Setting(
        dataset=draw(st.text(min_size=1, max_size=20)),
        architecture=draw(st.sampled_from(["resnet18", "vgg16_bn", "timm:resnet10t"])),
        width=draw(st.integers(4, 512)),
        orthogonality=draw(st.none() | st.floats(0, 1, exclude_min=True)),
        read_at=draw(st.sampled_from(get_args(ReadAt))),
        forget_class=draw(st.integers(0, 10_000)),
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    anatomy = ZOO.get(PREFERRED_MODEL).anatomy
    layers = st.none() | st.sampled_from(anatomy.names)
    layer = draw(layers)
    labels = st.none() | st.integers(0, 9)
    request = ForgetRequest(
        classes=tuple(draw(st.sets(st.integers(0, 9), min_size=1, max_size=9))),
        ratio=draw(st.floats(0, 0.5)),
        strength=draw(st.floats(0, 1)),
        attenuation=draw(st.sampled_from(get_args(Attenuation))),
        score=draw(st.sampled_from(get_args(Score))),
        target=draw(st.sampled_from(get_args(Target))),
        scope=draw(scopes()),
        images_per_class=draw(st.integers(1, 1_000_000)),
        read_at=draw(st.sampled_from(get_args(ReadAt))),
        seed=draw(st.integers(0, 2**31 - 1)),
        edits=draw(edits()),
    )
    return View(
        model=draw(st.sampled_from([PREFERRED_MODEL, PLAIN])),
        request=request,
        example=draw(st.integers(0, 1_000_000)),
        other=draw(labels),
        layer=layer,
        channel=draw(st.none() | st.integers(0, anatomy[layer or anatomy.names[0]].channels - 1)),
        subject=draw(labels),
        every=draw(st.booleans()),
        cam_layer=draw(layers),
        cam_class=draw(labels),
        cam_order=draw(st.sampled_from(["most", "least", "stored"])),
        cam_rows=draw(st.integers(1, 30)),
        tune_epochs=draw(st.integers(1, 10)),
        tune_freeze=draw(st.booleans()),
        recipe=draw(recipes()),
        train_name=draw(st.text(max_size=200)),
        runs_shown=draw(st.sampled_from(["session", "all"])),
        result=draw(st.none() | RUN_IDS),
        methods=tuple(draw(st.sets(st.sampled_from(sorted(METHODS)), max_size=4))),
        settings=draw(st.sampled_from([(), ("ssd.selection=25.5",), ("retrain.epochs=", "retrain.ready=True")])),
        relearn=draw(st.booleans()),
        pinned=tuple(draw(st.lists(RUN_IDS, max_size=6))),
        method_columns=draw(st.sampled_from(["measured", "gap", "paper"])),
        every_run=draw(st.booleans()),
        ledger_text=draw(st.text(max_size=200)),
        ledger_kind=tuple(draw(st.sets(st.sampled_from(["train", "method", "get-dataset"])))),
        ledger_state=tuple(draw(st.sets(st.sampled_from(get_args(State))))),
        ledger_model=draw(st.none() | st.text(min_size=1, max_size=200)),
        ledger_dataset=draw(st.none() | st.text(min_size=1, max_size=200)),
        ledger_tag=draw(st.none() | st.text(min_size=1, max_size=80)),
        ledger_sort=draw(st.sampled_from(get_args(LedgerOrder))),
        paper=draw(st.none() | paper_settings()),
    )


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


BAD = [
    ("model", "resnet9000", "fashion-mnist-resnet18-w16-orthogonal, fashion-mnist-resnet18-w16-plain. The default"),
    ("model", "", "Choose one of: cifar10-resnet18-w64-orthogonal"),
    ("model", REFERENCE, "nothing can be forgotten in it. Choose one of: cifar10-resnet18-w64-orthogonal,"),
    ("classes", "12", "Choose one of: 0 (T-shirt), 1 (Trouser)"),
    ("classes", "boot", "9 (Ankle boot)"),
    ("classes", "9" * 5_000, "Choose one of: 0 (T-shirt)"),
    ("classes", "", "names no class"),
    ("classes", "0-1-2-3-4-5-6-7-8-9", "nothing would be left to keep"),
    ("ratio", "0.9", "Ratio cannot be 0.9: choose a number from 0 to 0.5"),
    ("ratio", "-0.1", "from 0 to 0.5"),
    ("ratio", "nan", "from 0 to 0.5"),
    ("ratio", "a lot", "from 0 to 0.5"),
    ("strength", "1e999", "Strength cannot be 1e999: choose a number from 0 to 1"),
    ("strength", "", "from 0 to 1"),
    ("attenuation", "soft", "choose floor, scaled or uniform"),
    ("score", "best", "choose difference, margin, standardised or random"),
    ("target", "fc", "choose conv, bn or conv_sync"),
    ("scope", "stage", "“all”, “stage:N+N” or “layers:NAME+NAME”"),
    ("scope", "stage:9", "Choose one of: 1, 2, 3, 4"),
    ("scope", "layers:conv7", "Choose one of: conv1, layer1.0.conv1"),
    ("images_per_class", "0", "choose a whole number from 1 to 1,000,000"),
    ("images_per_class", "2.5", "choose a whole number from 1 to 1,000,000"),
    ("read_at", "fc", "choose conv, bn or relu"),
    ("seed", "-1", "choose a whole number from 0 to 2,147,483,647"),
    ("edits", "conv1:3", "written layer:channel:fraction kept"),
    ("edits", "conv1:3:1.5", "written layer:channel:fraction kept"),
    ("edits", "conv1:16:1", "its channels are 0 to 15"),
    ("edits", "conv7:0:1", "Choose one of: conv1"),
    ("edits", "~".join(["conv1:3:0.5"] * 501), "The link sets 501 channels by hand; at most 500 are allowed"),
    ("example", "-1", "choose a whole number from 0 to 1,000,000"),
    ("other", "10", "Choose one of: 0, 1, 2"),
    ("other", "x", "choose a number from 0 to 10,000"),
    ("layer", "conv7", "Choose one of: conv1"),
    ("layer", "x" * 300, "at most 200 characters"),
    ("channel", "-1", "choose a number from 0 to 100,000"),
    ("channel", "16", "Layer conv1 has no channel 16; its channels are 0 to 15"),
    ("subject", "10", "Choose one of: 0, 1, 2"),
    ("every", "maybe", "choose true or false"),
    ("cam_layer", "fc", "Choose one of: conv1"),
    ("cam_class", "10", "Choose one of: 0, 1, 2"),
    ("cam_order", "best", "choose most, least or stored"),
    ("cam_rows", "31", "choose a whole number from 1 to 30"),
    ("tune_epochs", "11", "Epochs at most cannot be 11: choose a whole number from 1 to 10"),
    ("train_name", "x" * 300, "at most 200 characters"),
    ("runs_shown", "some", "choose session or all"),
    ("result", "x" * 81, "at most 80 characters"),
    ("methods", "ssd~imaginary", "There is no method “imaginary”"),
    ("pinned", "a~b~c~d~e~f~g", "Runs looked at"),
    ("settings", "ssd.selection=-3", "Selection"),
    ("settings", "ssd.selection", "is no setting: write METHOD.FIELD=VALUE"),
    ("settings", "imaginary.seed=3", "There is no method “imaginary”"),
    ("relearn", "maybe", "choose true or false"),
    ("ledger_kind", "x" * 201, "Kind of the runs"),
    ("ledger_model", "x" * 201, "Model"),
    ("ledger_dataset", "", "Data set"),
    ("ledger_tag", "x" * 201, "Tag"),
    ("ledger_state", "done~over", "“over”"),
    ("ledger_sort", "seed", "choose -created, created"),
    ("ledger_text", "x" * 201, "Search"),
    ("method_columns", "some", "choose measured, gap or paper"),
    ("every_run", "maybe", "choose true or false"),
    ("train_width", "3", "Width cannot be 3: choose a whole number from 4 to 512"),
    ("train_orthogonality", "2", "choose a number from 0 to 1"),
    ("train_penalty", "best", "choose gram, srip or ocnn"),
    ("train_ortho_layers", "some", "choose all, no_stem or no_1x1"),
    ("train_gradient_restriction", "2", "choose a number from 0 to 1"),
    ("train_epochs", "0", "choose a whole number from 1 to 1,000"),
    ("train_batch_size", "1", "choose a whole number from 2 to 8,192"),
    ("train_learning_rate", "0", "choose a number"),
    ("train_muon", "2", "choose a number from 0 to 1"),
    ("train_momentum", "1", "choose a number"),
    ("train_weight_decay", "1", "choose a number from 0 to 0.1"),
    ("train_label_smoothing", "1", "choose a number"),
    ("train_crop_padding", "17", "choose a whole number from 0 to 16"),
    ("train_flip", "maybe", "choose true or false"),
    ("train_alternate", "maybe", "choose true or false"),
    ("train_cutout", "-1", "choose a whole number from 0 to 512"),
    ("train_small_crop", "513", "choose a whole number from 0 to 512"),
    ("train_small_share", "1", "choose a number"),
    ("train_seed", "-1", "choose a whole number from 0 to 2,147,483,647"),
    ("train_forgets", "x", "The default is used instead."),
    ("paper_architecture", "resnet19", "There is no architecture “resnet19”. Choose one of: resnet18"),
    ("paper_width", "3", "Width cannot be 3: choose a whole number from 4 to 512"),
    ("paper_orthogonality", "0", "choose a number"),
    ("paper_read_at", "fc", "choose conv, bn or relu"),
    ("paper_forget_class", "-1", "choose a whole number from 0 to 10,000"),
    ("tune_freeze", "maybe", "Keep batch norm statistics cannot be “maybe”: choose true or false"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), BAD)
def test_a_bad_value_is_explained_and_its_default_used(name: str, text: str, allowed: str) -> None:
    good = {"model": PLAIN, "classes": "3", "ratio": "0.2", "strength": "0.5", "example": "4"}
    view, problems = opened({**good, name: text})
    assert len(problems) == 1
    assert allowed in problems[0]
    assert problems[0].endswith((" The default is used instead.", " is shown instead."))
    expected, _ = opened({key: value for key, value in good.items() if key != name})
    assert view == expected  # what else the link says is kept


def test_every_parameter_is_tried_with_a_bad_value() -> None:
    recipe = {f"train_{name}" for name in RECIPE_FIELDS} - {*NAMES}
    assert {name for name, _, _ in BAD} == {*CHOICES, *REQUEST_FIELDS, *recipe, *PAPER_IN_LINK} - {*NAMES}


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
