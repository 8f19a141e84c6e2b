"""The cells of every table: what stands in which row, what is printed there, and what has to be measured.

The method is taken literally: filters scaled in all layers, score by difference, five images of every class.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orthoui.evaluation.presets import PAPER_RATIO, paper_ratio
from orthoui.forgetting.request import Attenuation, ForgetRequest
from orthoui.models.architectures import TITLES
from orthoui.paper.printed import STRENGTH, Numbers, Quantity, printed
from orthoui.paper.schema import Kind
from orthoui.paper.setting import PRINTED_AS, Setting, TableName, dataset_title
from orthoui.wording import parse

READINGS: tuple[Attenuation, ...] = ("floor", "scaled")
"""Two readings of equation (16); the curves tell which one the paper used."""
ACCURACIES: tuple[Quantity, ...] = ("forget_accuracy", "retain_accuracy")
COMPARED: tuple[Quantity, ...] = (*ACCURACIES, "membership", "seconds")
LITERAL: Mapping[str, Any] = {"target": "conv", "score": "difference", "scope": "all", "images_per_class": 5}
KINDS: tuple[Kind, ...] = ("orthogonal", "plain")
OTHER_METHODS = {"SSD": "ssd", "EMNI": "unsir", "TF-IDF": "tfidf-pruning"}
"""The methods of Table 2 that are not the paper's own: as printed, and as they are registered here."""
TABLE_2_METHODS = ("Retrain", *OTHER_METHODS, "OSP")


@dataclass(frozen=True)
class CellPlan:
    """One cell before it is measured. ``forget`` holds the fields of its request, without the draw's seed."""

    id: str
    row: str
    column: str
    kind: Kind
    measure: str
    quantities: tuple[Quantity, ...] = ACCURACIES
    forget: Mapping[str, Any] | None = None
    at: float | None = None
    reading: Attenuation | None = None
    printed: Numbers = field(default_factory=dict)
    printed_for: str = ""
    drawn: bool = True
    """Whether the result depends on a draw of images; if not, one measurement of each network is all there is."""
    once: bool = False
    """Whether one draw is enough because it costs much."""
    note: str = ""

    def request(self, seed: int) -> ForgetRequest | None:
        """Return the request of one draw. Raises ``RequestError``."""
        return None if self.forget is None else parse(ForgetRequest, {**self.forget, "seed": seed})


def plan_cells(table: TableName, setting: Setting, classes: Sequence[str]) -> tuple[CellPlan, ...]:
    """Return the cells of a table on a setting. Without known ``classes`` the appendix has none."""
    return tuple(LAYOUTS[table](setting, classes))


def literal(setting: Setting, **fields: Any) -> dict[str, Any]:
    """Return the fields of the paper's request on a setting, ``fields`` in place of its usual ones."""
    usual = {
        "classes": (setting.forget_class,), "ratio": paper_ratio(setting.dataset, setting.architecture),
        "strength": STRENGTH, "read_at": setting.read_at,
    }  # fmt: skip
    return {**LITERAL, **usual, **fields}


def comparable(plan: CellPlan, setting: Setting) -> bool:
    """Whether what is printed in a cell is for this very setting, and not a reference from another one."""
    return bool(plan.printed) and setting.is_the_papers and plan.printed_for == _where(setting)


def _table_1(setting: Setting, _: Sequence[str]) -> Iterator[CellPlan]:
    rows = [row for wanted in (setting, Setting()) for row in printed().table_1 if _same(row, wanted)]
    for kind in ("plain", "orthogonal"):
        yield CellPlan(
            id=kind, row=setting.title, column=f"{kind} network", kind=kind, measure="trained",
            forget=literal(setting, ratio=0.0), drawn=False, printed=getattr(rows[0], kind),
            printed_for=_where(rows[0]), note="Before anything is forgotten: the request prunes nothing.",
        )  # fmt: skip


def _table_2(setting: Setting, _: Sequence[str]) -> Iterator[CellPlan]:
    rows = {row.method: row for row in printed().table_2 if _same(row, setting)}
    fallback = {row.method: row for row in printed().table_2 if _same(row, Setting())}
    for method in TABLE_2_METHODS:
        row = rows.get(method) or fallback[method]
        ours = method == "OSP"
        for reading in READINGS if ours else (None,):
            yield CellPlan(
                id=f"{method}/{reading}" if reading else method, row=method, column=reading or "",
                kind="retrained" if method == "Retrain" else "orthogonal", measure=method, quantities=COMPARED,
                forget=literal(setting, attenuation=reading) if ours else None, reading=reading, drawn=ours,
                printed=row.values, printed_for=_where(row), note=TABLE_2_NOTES.get(method, ""),
            )  # fmt: skip


TABLE_2_NOTES = {
    "OSP": "Time: finding the channels, the plan and scaling them, the median of five runs after one to warm up; "
    "membership inference: convention A.",
    "Retrain": "Time: what its training took on the machine that trained it.",
    **dict.fromkeys(
        OTHER_METHODS,
        "With its defaults in this version, which were published for other networks. Time: without any evaluation.",
    ),
}


def _table_3a(setting: Setting, _: Sequence[str]) -> Iterator[CellPlan]:
    for kind in KINDS:
        for row in printed().table_3a:
            for reading in READINGS:
                yield CellPlan(
                    id=f"{kind}/{row.ratio:g}/{reading}", row=f"ratio {row.ratio:g}", column=f"{kind} network",
                    kind=kind, measure="pruned", at=row.ratio, reading=reading, printed=getattr(row, kind),
                    forget=literal(setting, ratio=row.ratio, attenuation=reading), printed_for=_where(Setting()),
                )  # fmt: skip


def _table_3b(setting: Setting, _: Sequence[str]) -> Iterator[CellPlan]:
    for row in printed().table_3b:
        for reading in READINGS:
            yield CellPlan(
                id=f"{row.strength:g}/{reading}", row=f"strength {row.strength:g}", column="orthogonal network",
                kind="orthogonal", measure="pruned", at=row.strength, reading=reading, printed=row.orthogonal,
                forget=literal(setting, ratio=PAPER_RATIO, strength=row.strength, attenuation=reading),
                printed_for=_where(Setting()),
            )  # fmt: skip


def _appendix(setting: Setting, classes: Sequence[str]) -> Iterator[CellPlan]:
    rows = {row.forget_class: row for row in printed().appendix if _same(row, setting)}
    if setting.dataset == Setting().dataset:  # its classes are the same ones, whatever the network
        rows = {row.forget_class: row for row in printed().appendix if _same(row, Setting())} | rows
    for label, name in enumerate(classes):
        row = rows.get(label)
        fields = {"classes": (label,)}
        common: dict[str, Any] = {"row": name, "kind": "orthogonal", "printed_for": _where(row)}
        yield CellPlan(
            id=f"{label}/raw", column="raw", measure="trained", forget=literal(setting, ratio=0.0, **fields),
            drawn=False, printed=row.raw if row else {}, **common,
        )  # fmt: skip
        for reading in READINGS:
            yield CellPlan(
                id=f"{label}/pruned/{reading}", column="pruned", measure="pruned", reading=reading,
                forget=literal(setting, attenuation=reading, **fields), printed=row.pruned if row else {}, **common,
            )  # fmt: skip
        yield CellPlan(
            id=f"{label}/fine-tuned", column="fine-tuned", measure="fine-tuned", reading="floor", once=True,
            quantities=(*ACCURACIES, "seconds"), printed=row.fine_tuned if row else {},
            forget=literal(setting, attenuation="floor", **fields), **common,
            note="One draw of the images, reading floor: fine-tuning takes the longest by far. Its recipe is not "
            "printed; the usual one is taken. Time: pruning and fine-tuning, without evaluation; where it is as "
            "long as the whole measurement, an earlier version counted the evaluation too.",
        )  # fmt: skip


def _figure_1(setting: Setting, classes: Sequence[str]) -> Iterator[CellPlan]:
    other = beside(setting, classes)
    for role, label in (("forgotten", setting.forget_class), ("retained", other)):
        yield CellPlan(
            id=role, row=f"{_name(classes, label)} ({role})", column="first layer", kind="orthogonal",
            measure=f"first-layer {role}", quantities=("peak", "peak_after"), reading="floor", once=True,
            forget=literal(setting, attenuation="floor"),
            note="Mean over the pruned channels of the largest value of their map, before and after.",
        )  # fmt: skip


def _figure_3(setting: Setting, _: Sequence[str]) -> Iterator[CellPlan]:
    request = literal(setting, attenuation="floor")
    parts: tuple[tuple[str, Kind, tuple[Quantity, ...]], ...] = (
        ("before", "orthogonal", ()), ("after", "orthogonal", ("drift",)), ("retrained", "retrained", ()),
    )  # fmt: skip
    for name, kind, quantities in parts:
        yield CellPlan(
            id=name, row=name, column="Grad-CAM", kind=kind, measure=f"heatmaps {name}", quantities=quantities,
            reading="floor", forget=request, once=True,
            note="Grad-CAM of the last convolution, for each image's own class.",
        )  # fmt: skip


LAYOUTS: dict[TableName, Callable[[Setting, Sequence[str]], Iterator[CellPlan]]] = {
    "table-1": _table_1, "table-2": _table_2, "table-3a": _table_3a, "table-3b": _table_3b,
    "appendix": _appendix, "figure-1": _figure_1, "figure-3": _figure_3,
}  # fmt: skip


def _same(row: Any, setting: Setting) -> bool:
    """Whether a printed row is about this data set and kind of network."""
    return (row.dataset, row.architecture) == (setting.dataset, PRINTED_AS.get(setting.architecture))


def _where(row: Any) -> str:
    """Return the data set and network of a printed row, or of a setting that the paper prints, in words."""
    if row is None:
        return ""
    return f"{dataset_title(row.dataset)}, {TITLES[PRINTED_AS[row.architecture]]}"


def beside(setting: Setting, classes: Sequence[str]) -> int:
    """Return the retained class that is shown beside the forgotten one: the next one."""
    return (setting.forget_class + 1) % max(2, len(classes))


def _name(classes: Sequence[str], label: int) -> str:
    return classes[label] if label < len(classes) else f"class {label}"
