"""What the Channels page shows at this moment, worked out from the view; and how a click changes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import streamlit as st
from torch import Tensor

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.evaluation.channels import differences, layer_scores
from orthoui.figures import CONFIG, Mode
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.selection import make_plan
from orthoui.models.anatomy import ConvLayer
from orthoui.models.zoo import TrainedModel
from orthoui.ui import session
from orthoui.ui.thumbnails import class_image
from orthoui.ui.view import View

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
    plan = make_plan(measured.profile, model.anatomy, view.request)
    layer = model.anatomy[view.layer or model.anatomy.names[0]]
    notices = [] if measured.notice is None else [measured.notice]
    channel = view.channel
    if channel is not None and channel >= layer.channels:
        notices.append(f"Layer {layer.name} has no channel {channel}; its channels are 0 to {layer.channels - 1}.")
        channel = None
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
        notices=tuple(notices),
    )


def open_channel(layer: str, channel: int | None = None) -> NoReturn:
    """Go to the Channels page with a channel under inspection. Not for callbacks: it ends the script's run.

    Raises ``UnknownNameError`` or ``RequestError`` for what the model does not have.
    """
    part = session.model().anatomy[layer]
    if channel is not None and not 0 <= channel < part.channels:
        raise RequestError(f"Layer {layer} has no channel {channel}; its channels are 0 to {part.channels - 1}.")
    session.change(layer=layer, channel=channel)
    st.switch_page(PAGE)


def clickable(figure: Any, key: str, chosen: Callable[[Any], None]) -> None:
    """Show a figure whose marks can be clicked; ``chosen`` gets the clicked mark's ``customdata``."""

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:
            chosen(points[0]["customdata"])

    st.plotly_chart(
        figure,
        theme=None,
        config=CONFIG,
        key=key,
        alt=figure.layout.meta["alt"],
        on_select=clicked,
        selection_mode="points",
    )
