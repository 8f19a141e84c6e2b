"""Picked runs close up: everything of them side by side, and the way to open one on the other pages."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from orthoui.figures import Mode, SimilarityLine, prediction_matrix, similarity_lines
from orthoui.jobs.results import Measure, MethodRow, standard
from orthoui.ui import session
from orthoui.ui.charts import chart
from orthoui.ui.frame import literal
from orthoui.ui.methods.table import named, settings_words
from orthoui.ui.methods.words import HEADS, PERCENT, interval_words

PAGES = {
    "Forget": ("pages/explore/forget.py", ":material/backspace:"),
    "Channels": ("pages/explore/channels.py", ":material/blur_on:"),
    "Heatmaps": ("pages/explore/heatmaps.py", ":material/center_focus_strong:"),
}
MOST = 6
"""Runs that are compared at once."""
COST: dict[str, Callable[[MethodRow], str | None]] = {
    "seconds": lambda row: f"{row.seconds:,.3f}",
    "images read": lambda row: f"{row.samples:,}",
    "passes": lambda row: f"{row.passes:,}",
    "seed": lambda row: None if row.run.seed is None else str(row.run.seed),
}
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def closer(rows: Sequence[MethodRow], classes: Sequence[str], forgotten: Sequence[int]) -> None:
    """Draw the runs that were picked, by a click in the chart or here."""
    by_id = {row.run.id: row for row in rows}
    picked = [by_id[run] for run in session.view().pinned if run in by_id]
    st.markdown("### Look closer")
    st.session_state["methods_pinned"] = [row.run.id for row in picked]
    st.pills(
        "Runs",
        list(by_id),
        selection_mode="multi",
        format_func=lambda run: by_id[run].title if run in by_id else run,
        key="methods_pinned",
        on_change=lambda: pin(st.session_state["methods_pinned"]),
        label_visibility="collapsed",
    )
    if not picked:
        st.caption("Pick a method to see its answers and its layers and to open it on the other pages; pick several "
                   "to compare everything.")  # fmt: skip
        return
    for row in picked:
        _open_row(row)
    st.dataframe(_everything(picked), hide_index=True, placeholder="–")
    st.caption("In brackets: 95 % intervals over images, for attacks over their draws; fewest and most steps. "
               "A dash: not measured.")  # fmt: skip
    _matrices(rows, picked, classes, forgotten)
    _similarity(picked, standard(rows))


def pin(runs: Sequence[str]) -> None:
    """Pick runs; the latest ones stay when there are too many."""
    session.change(pinned=tuple(runs)[-MOST:])


def toggle(run: str) -> None:
    """Pick a run, or put it back, by a click on its mark."""
    now = session.view().pinned
    pin([one for one in now if one != run] if run in now else [*now, run])


def _open_row(row: MethodRow) -> None:
    """Draw what was set and the buttons that show the result on the other pages."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"open_{row.run.id}"):
        st.markdown(f"**{literal(row.title)}** :small[:gray[{literal(settings_words(row))}]]", width="stretch")
        for page, (path, icon) in PAGES.items():
            pressed = st.button(
                f"Open in {page}",
                icon=icon,
                key=f"open_{page}_{row.run.id}",
                disabled=not row.can_open,
                help=None if row.can_open else "Its network is not kept: it is built otherwise, or it is too old.",
            )
            if pressed:
                session.change(result=row.run.id)
                st.switch_page(path)
    for note in row.run.metrics.get("notes", ()):
        st.caption(literal(str(note)))


def _everything(picked: Sequence[MethodRow]) -> list[dict[str, Any]]:
    """Return one line a measure, one column a run."""
    names = _unlike([row.title for row in picked])
    lines: list[dict[str, Any]] = []
    for measure, (head, _) in HEADS.items():
        unit = " (%)" if measure in PERCENT else ""
        values = {name: interval_words(row, measure) for name, row in zip(names, picked, strict=True)}
        head = "distance to retrained" if measure == "distance" else head
        lines.append({"measure": f"{head}{unit}", "images": _images(picked, measure), **values})
    for label, read in COST.items():
        lines.append({"measure": label, **{name: read(row) for name, row in zip(names, picked, strict=True)}})
    return lines


def _images(picked: Sequence[MethodRow], measure: Measure) -> str | None:
    """Return how many images a measure was counted on."""
    counts = sorted({row.images[measure] for row in picked if measure in row.images})
    return " or ".join(f"{count:,}" for count in counts) or None


def _unlike(titles: Sequence[str]) -> list[str]:
    """Number titles that occur several times."""
    return [
        title if titles.count(title) == 1 else f"{title} {titles[: place + 1].count(title)}"
        for place, title in enumerate(titles)
    ]


def _matrices(
    rows: Sequence[MethodRow], picked: Sequence[MethodRow], classes: Sequence[str], forgotten: Sequence[int]
) -> None:
    """Draw the answers before, after each picked method, and of the retrained model."""
    before = next((row for row in rows if row.run.method == "original"), None)
    order = [before, *picked, standard(rows)]
    shown = list(dict.fromkeys(row for row in order if row is not None and len(row.confusion) == len(classes)))
    if not shown:
        return
    columns = st.columns(min(3, len(shown)))
    for place, row in enumerate(shown):
        with columns[place % len(columns)]:
            chart(_matrix(row, classes, forgotten, session.mode()), f"matrix-{row.run.id}")


def _matrix(row: MethodRow, classes: Sequence[str], forgotten: Sequence[int], mode: Mode) -> Any:
    shares = [[100 * cell / max(1, sum(line)) for cell in line] for line in row.confusion]
    sure = row.confidence or (None,) * len(classes)
    known = [value for label in forgotten if (value := sure[label]) is not None]
    how_sure = f"{100 * sum(known) / len(known):.0f} % sure on the forgotten class" if known else "its answers"
    return prediction_matrix(
        shares,
        sure,
        classes,
        forgotten,
        mode=mode,
        title=f"{named(row)}: {how_sure}",
        subtitle="answers (columns) to test images of every class (rows), percent; at the right how sure",
    )


def _similarity(picked: Sequence[MethodRow], retrained: MethodRow | None) -> None:
    """Draw the likeness of the layers to the original and to the retrained model."""
    for column, (name, what) in zip(
        st.columns(2), (("similarity_original", "the original"), ("similarity_retrained", "the retrained model")),
        strict=True,
    ):  # fmt: skip
        lines = [line for place, row in enumerate(picked) for line in _lines(row, name, DASHES[place % len(DASHES)])]
        with column:
            if lines:
                chart(_similarity_figure(lines, what), f"{name}-{'-'.join(row.run.id for row in picked)}")
            else:
                itself = name == "similarity_retrained" and list(picked) == [retrained]
                why = "it is the retrained model itself" if itself else "not measured"
                st.caption(f"Likeness to {what}: {why}.")


def _lines(row: MethodRow, name: str, dash: str) -> list[SimilarityLine]:
    groups: tuple[tuple[str, Literal["forgotten", "retained"], str], ...] = (
        ("forget", "forgotten", "forgotten"),
        ("retain", "retained", "others"),
    )
    found = row.similarity(name)
    return [
        SimilarityLine(f"{row.title}, {words}", found[group], colour, dash)
        for group, colour, words in groups
        if found.get(group)
    ]


def _similarity_figure(lines: Sequence[SimilarityLine], what: str) -> Any:
    changed = [line for line in lines if line.group == "forgotten" and line.values]
    title = f"Likeness to {what}"
    if len(changed) == 1:
        last = list(changed[0].values.values())[-1]
        name = changed[0].name.removesuffix(", forgotten")
        title = f"{name}: on forgotten images the last layer is {100 * last:.0f} % like that of {what}"
    return similarity_lines(
        lines, mode=session.mode(), title=title,
        subtitle="linear CKA by layer on test images; 1 is the same representation",
    )  # fmt: skip
