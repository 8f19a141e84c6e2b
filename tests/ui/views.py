"""Any view that a person could set, drawn by Hypothesis, and the models it may be of."""

from collections.abc import Mapping
from typing import get_args

import torch
from hypothesis import strategies as st

from orthoui.forgetting.request import Attenuation, ForgetRequest, ReadAt, Score, Target
from orthoui.ledger import State
from orthoui.methods import METHODS
from orthoui.models.zoo import PREFERRED_MODEL, Zoo
from orthoui.paper.setting import Setting
from orthoui.settings import assets_folder
from orthoui.training.recipe import PenalisedLayers, Penalty, Recipe
from orthoui.ui.link import (
    NESTED,
    PAPER_FIELDS,
    from_query,
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
