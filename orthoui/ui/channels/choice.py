"""What the Channels page shows at this moment, worked out from the view; and how a click changes it."""

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import streamlit as st
from pydantic import TypeAdapter
from torch import Tensor

from orthoui.data import Dataset
from orthoui.evaluation.channels import checked_layer, differences, layer_scores
from orthoui.evaluation.unlearned import UnlearnedNetwork
from orthoui.figures import Mode
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.selection import make_plan
from orthoui.models.anatomy import ConvLayer
from orthoui.models.trained import TrainedModel
from orthoui.ui import session
from orthoui.ui.thumbnails import class_image
from orthoui.ui.view import View

Mark = tuple[str, int]
"""A channel in ``layers_figure``: its layer's name and its number."""
Bar = tuple[int, float, float, int]
"""A bar of ``histogram_figure``: its number, lower and upper edge, and its channels."""
Cell = int | tuple[int]
"""A cell of ``channel_grid``: its channel, alone or in a list."""
MARK: TypeAdapter[Mark] = TypeAdapter(Mark)
BAR: TypeAdapter[Bar] = TypeAdapter(Bar)
CELL: TypeAdapter[Cell] = TypeAdapter(Cell)
PAGE = "pages/explore/channels.py"
FEW = 64
"""Channels that are shown at once before a person asks for all."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One state of the page: nothing in it is None, what the view leaves open is decided here."""

    view: View
    model: TrainedModel
    data: Dataset
    profile: ActivationProfile
    plan: Plan
    layer: ConvLayer
    channel: int
    subject: int
    other: int
    mode: Mode
    notices: tuple[str, ...]
    unlearned: UnlearnedNetwork | None = None
    """What another method left, if that is shown as “after”; the plan then touches nothing."""

    @property
    def factors(self) -> dict[int, float]:
        """Channels of the layer that keep less than all of themselves, and how much they keep."""
        part = self.plan.layers.get(self.layer.name)
        if part is None:
            return {}
        kept = zip(part.channels.tolist(), part.keep.tolist(), strict=True)
        return {channel: keep for channel, keep in kept if keep != 1}

    def image(self, label: int) -> Tensor:
        """Return the example image of a class, uint8 (C, H, W); test images are shown."""
        return class_image(self.data["test"], label, self.view.example)

    def strongest(self) -> Mark | None:
        """Return the scaled channel with the highest score of all layers; None where none is scaled."""
        found = [
            (float(part.scores[channel]), name, channel)
            for name, part in self.plan.layers.items()
            for channel in part.channels[part.keep != 1].tolist()
        ]
        return max(found)[1:] if found else None

    def shown_channels(self) -> list[int]:
        """Return the channels in the order of the grid, see ``order_words``."""
        count = self.layer.channels
        if count <= FEW:
            return list(range(count))
        # The plan without hand-set channels decides: setting one by hand must not move the others.
        request = self.view.request.model_copy(update={"edits": ()})
        part = make_plan(self.profile, self.model.anatomy, request).layers.get(self.layer.name)
        first = [] if part is None else part.channels[part.keep != 1].tolist()
        difference = differences(self.profile, request.classes, self.layer.name)
        ranked = np.argsort(-difference, kind="stable").tolist()
        order = list(dict.fromkeys([*first, *ranked]))
        if self.view.every:
            return order
        return list(dict.fromkeys([*order[: max(FEW, len(first))], *self.factors, self.channel]))


def current_scene() -> Scene:
    """Read the view. Raises ``OrthoError`` when the request cannot be carried out on the model."""
    view, model, data = session.view(), session.model(), session.data()
    measured = load_or_measure(model, data, view.request)
    unlearned = session.unlearned()
    plan = make_plan(measured.profile, model.anatomy, view.request) if unlearned is None else Plan(view.request)
    layer = checked_layer(model, view.layer or model.anatomy.names[0], view.channel or 0)
    channel = view.channel
    if channel is None:
        channel = int(layer_scores(model, measured.profile, view.request, layer.name).argmax())
    classes = view.request.classes
    retained = [label for label in range(len(data.classes)) if label not in classes]
    return Scene(
        view=view,
        model=model,
        data=data,
        profile=measured.profile,
        plan=plan,
        layer=layer,
        channel=channel,
        subject=view.subject if view.subject in classes else classes[0],
        other=view.other if view.other in retained else retained[0],
        mode=session.mode(),
        notices=measured.notices,
        unlearned=unlearned,
    )


def open_channel(layer: str, channel: int) -> NoReturn:
    """Go to the Channels page with a channel under inspection. Not for callbacks: it ends the script's run."""
    session.change(layer=layer, channel=channel)
    st.switch_page(PAGE)
