"""The Forget page: controls at the left, and at the right evidence that sharpens while one looks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import streamlit as st
from pydantic_core import to_json

from orthoui.evaluation.channels import channel_in_bar, checked_layer
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.summary import cost, document, headline, to_csv
from orthoui.evaluation.verdict import judge
from orthoui.memory import release_memory
from orthoui.ui import controls, runs, session
from orthoui.ui.channels.choice import BAR, MARK, Bar, Mark, open_channel
from orthoui.ui.charts import ChartPlace, clickable
from orthoui.ui.evidence import accuracy_figure, flow_figure, histogram_figure, layers_figure
from orthoui.ui.frame import emptied_on_error, give_way, is_drawn, literal, mark_drawn, panel
from orthoui.ui.images import images_here
from orthoui.ui.model_bar import model_bar
from orthoui.ui.reference import reference_offer
from orthoui.ui.table import definitions, table_html
from orthoui.ui.tuning_panel import tuning_panel

VERDICT_ICONS = {
    "forgotten": ":material/check_circle:",
    "partly": ":material/incomplete_circle:",
    "forgotten otherwise": ":material/error:",
    "others damaged": ":material/heart_broken:",
    "not forgotten": ":material/cancel:",
    "not recognised before": ":material/do_not_disturb_on:",
    "unchanged": ":material/radio_button_unchecked:",
    "not measured": ":material/help:",
}


CONTROL_IMAGES = 2_500
"""Test images behind the random-channel control of the page; its interval says what that is worth."""
METHODS_PAGE = "pages/lab/methods.py"
SAID_EVERY = 0.4
"""Seconds between two updates of sentence and table while the numbers sharpen."""
PICKED = "picked_channel"
"""Channel that was clicked in a chart; the next run goes to the Channels page with it."""


class Slots:
    """Places on the page that are written several times in one run, as the measurement sharpens."""

    def __init__(self) -> None:
        with st.container(key="headline"):
            self.headline = st.empty()
            self.verdict = st.empty()
        left, right = st.columns([0.27, 0.73], gap="large")
        with left:
            controls.request_controls()
        with right:
            first, second = st.columns([0.55, 0.45])
            self.accuracy, self.flow = ChartPlace(first), ChartPlace(second)
            self.histogram, self.layers = st.container(key="histogram"), st.container(key="layers")
        self.table = st.empty()
        self.footer = st.container()

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep their room with skeletons until the page was drawn once."""
        heights: dict[Any, int] = {self.headline: 48, self.verdict: 48, self.accuracy: 470, self.flow: 346}
        if not is_drawn():
            for slot, height in heights.items():
                slot.skeleton(height=height)
        with emptied_on_error(*heights):
            yield


@panel
def forget_panel() -> None:
    """Draw the page; only this part runs again when a control moves."""
    picked = st.session_state.pop(PICKED, None)
    if picked is not None:
        open_channel(*picked)
    model_bar()
    if images_here():
        slots = Slots()
        session.write_link()  # people copy it while the numbers still sharpen
        _measure(slots)


def _measure(slots: Slots) -> None:
    view, mode = session.view(), session.mode()
    phase, said = None, 0.0
    steps = forget(
        session.model(),
        session.data(),
        view.request,
        session.reference(),
        control_images=CONTROL_IMAGES,
        unlearned=session.unlearned(),
    )
    with slots.reserved():
        first = next(steps)
    for outcome in chain((first,), steps):
        reached = (tuple(sorted(outcome.measured)), _exact(outcome), outcome.distance is not None)
        if reached == phase and time.monotonic() - said < SAID_EVERY and not outcome.complete:
            give_way()
            continue
        _say(slots, outcome)
        slots.table.html(table_html(outcome))
        if reached != phase:
            key = "-".join(map(str, reached)) + view.request.digest + mode
            slots.accuracy.draw(accuracy_figure(outcome, mode), f"accuracy-{key}")
            slots.flow.draw(flow_figure(outcome, mode), f"flow-{key}")
            if phase is None:
                _channels(slots, outcome)
                mark_drawn()
        phase, said = reached, time.monotonic()
        give_way()
    if outcome.method is None:  # another method's run is in the ledger already
        runs.remember(outcome)
    release_memory()
    _footer(slots.footer, outcome)


def _exact(outcome: Outcome) -> tuple[str, ...]:
    return tuple(sorted(name for name, measured in outcome.measured.items() if measured.exact))


def _say(slots: Slots, outcome: Outcome) -> None:
    verdict = judge(outcome)
    slots.headline.markdown(f"## {literal(headline(outcome))}")
    seen = sum(estimate.n for estimate in outcome.measured["after"].accuracies.per_class if estimate)
    state = f"{seen:,} {outcome.split} images" + ("" if outcome.exact else " so far, sharpening …")
    slots.verdict.markdown(
        f"{VERDICT_ICONS[verdict.kind]} {verdict.sentence} :small[:gray[{cost(outcome)} · {state}]]"
    )


def _channels(slots: Slots, outcome: Outcome) -> None:
    plan, mode = outcome.plan, session.mode()
    if not plan.layers:
        return

    def pick_bar(bar: Bar) -> None:
        st.session_state[PICKED] = channel_in_bar(plan, bar[1], bar[2])

    with slots.histogram:
        clickable(histogram_figure(plan, mode), "histogram-chart", BAR, pick_bar)
    with slots.layers:
        clickable(layers_figure(plan, mode), "layers-chart", MARK, pick_mark)


def pick_mark(mark: Mark) -> None:
    """Open a clicked channel in the next run. Raises ``RequestError`` for one that the model does not have."""
    checked_layer(session.model(), *mark)
    st.session_state[PICKED] = mark


def _control(outcome: Outcome) -> str:
    """Say what an estimated control rests on."""
    random = outcome.measured.get("random")
    if random is None or random.exact:
        return ""
    seen = sum(estimate.n for estimate in random.accuracies.per_class if estimate)
    return f"Random channels: an estimate from {seen:,} of these images. "


def _footer(place: Any, outcome: Outcome) -> None:
    with place:
        st.caption(
            f"Split: {outcome.split}. {_stages(outcome)}, "
            f"evaluation {outcome.timings_ms['evaluate'] / 1000:.2f} s on {outcome.device} ({outcome.precision}). "
            f"{_control(outcome)}Accuracy that falls does not prove that the class is erased: it may only be hidden."
        )
        if "retrained" not in outcome.measured:
            reference_offer()
        st.page_link(METHODS_PAGE, label="Only hidden? Try to bring it back", icon=":material/compare:")
        with st.expander("What the table's columns mean", key="columns"):
            st.markdown(definitions())
        for notice in outcome.notices:
            st.warning(notice, icon=":material/info:")
        not_kept = runs.problem_to_say()
        if not_kept is not None:
            st.warning(literal(f"This run is not among “All runs ever made”. {not_kept}"), icon=":material/info:")
        name = f"orthoui-{outcome.model}-{session.view().result or outcome.request.digest}"
        with st.container(horizontal=True):
            st.download_button(
                "CSV", to_csv(outcome), f"{name}.csv", "text/csv", icon=":material/download:", on_click="ignore"
            )
            st.download_button(
                "JSON",
                to_json(document(outcome), indent=1),
                f"{name}.json",
                "application/json",
                icon=":material/download:",
                on_click="ignore",
            )
        if outcome.method is None:
            tuning_panel()


def _stages(outcome: Outcome) -> str:
    """Say what the forgetting took, without its measurement."""
    timings = outcome.timings_ms
    if outcome.method is not None:
        return f"{outcome.method} {timings['unlearn'] / 1000:,.2f} s"
    return (
        f"Seed {outcome.request.seed}. Profile {timings['profile']:.1f} ms, plan {timings['plan']:.1f} ms, "
        f"apply {timings['apply']:.1f} ms"
    )
