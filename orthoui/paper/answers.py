"""Does a claim of the paper hold here, and by how much: one sentence a table, computed from its cells."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orthoui.forgetting.request import Attenuation
from orthoui.paper.curves import fits
from orthoui.paper.plans import READINGS
from orthoui.paper.printed import RATIO, STRENGTH, Quantity
from orthoui.paper.schema import Cell, Table
from orthoui.paper.setting import TableName
from orthoui.wording import joined

FORGOTTEN = 5.0
"""A class counts as forgotten when at most this many percent of its images are still recognised; the paper's own
pruned networks leave up to 4.3."""
CONTRAST = 20.0
"""Points by which the plain network must still know the class better for the contrast to hold; printed: 43.3."""
COSTS_LITTLE = 1.0
"""Points of accuracy on the other classes that training orthogonally may cost."""
MOVED = 0.5
"""Share of the attention above which a heatmap counts as another one."""
DAMAGE = 5.0
"""Points that pruning may take from the other classes; the paper's CIFAR-10 row loses 3.8."""


@dataclass(frozen=True)
class Answer:
    """``holds`` is None as long as it is not measured."""

    holds: bool | None
    sentence: str


def answer(table: Table) -> Answer:
    """Return the answer of a table, in one sentence."""
    if not table.measured:
        return Answer(None, "Not measured here yet.")
    return ANSWERS[table.table](table)


def _table_1(table: Table) -> Answer:
    cells = [table.cell("plain"), table.cell("orthogonal")]
    plain, orthogonal = (_mean(cell, "retain_accuracy") for cell in cells)
    if plain is None or orthogonal is None:
        return Answer(None, "Only one of the two networks is measured, so nothing can be compared yet.")
    change = orthogonal - plain
    shown = [_percent(cell, "retain_accuracy") for cell in cells]
    figures = f"the other classes {shown[0]} plain, {shown[1]} orthogonal"
    figures += _printed_beside(cells, "retain_accuracy")
    if change < -COSTS_LITTLE:
        return Answer(False, f"Does not hold here: training orthogonally costs {-change:.1f} points: {figures}.")
    words = "gains" if change > 0 else "costs"
    return Answer(True, f"Holds here: training orthogonally {words} {abs(change):.1f} points: {figures}.")


def _table_2(table: Table) -> Answer:
    found = _best([cell for cell in table.measured if cell.measure == "OSP"])
    if found is None:
        return Answer(None, "The method itself is not measured yet.")
    retrained = table.cell("Retrain")
    left, kept = found.mean("forget_accuracy"), found.mean("retain_accuracy")
    usual = _mean(retrained, "retain_accuracy")
    beside = "" if retrained is None or usual is None else f"; a retrained network: {_pair(retrained)}"
    figures = f"{_pair(found)}{beside}"
    if left is None or left > FORGOTTEN:
        return Answer(False, f"Does not hold here: {table.forgotten} is not forgotten by pruning, {figures}.")
    if kept is not None and usual is not None and kept < usual - DAMAGE:
        return Answer(False, f"Holds in part: {table.forgotten} is forgotten, but others go with it, {figures}.")
    return Answer(True, f"Holds here: {table.forgotten} is forgotten by pruning, {figures}.")


def _pair(cell: Cell) -> str:
    """Say what is left of the class and of the others, with the printed numbers behind where they compare."""
    parts: tuple[tuple[Quantity, str], ...] = (
        ("forget_accuracy", "of it left"),
        ("retain_accuracy", "of the others"),
    )
    known = [(name, about) for name, about in parts if cell.mean(name) is not None]
    return ", ".join(f"{_percent(cell, name)} {about}{_printed_beside([cell], name)}" for name, about in known)


def _percent(cell: Cell | None, quantity: Quantity) -> str:
    """Return the mean with its spread over the draws: a few images can decide a lot, and the sentence must say so.

    Where several networks were trained alike, the mean of each stands behind.
    """
    found = None if cell is None else cell.measured.get(quantity)
    if cell is None or found is None:
        return "not measured"
    words = f"{found.mean:.1f} %" if not found.spread else f"{found.mean:.1f} ± {found.spread:.1f} %"
    return words + _each({seed: f"{value:.1f}" for seed, value in cell.by_training(quantity).items()})


def _each(by_training: Mapping[int, str]) -> str:
    """Return what every training came to, in brackets; nothing where there is only one."""
    parts = [f"training {seed}: {words}" for seed, words in by_training.items()]
    return f" ({', '.join(parts)})" if len(parts) > 1 else ""


def _printed_beside(cells: Sequence[Cell | None], quantity: Quantity) -> str:
    """Return the printed numbers in brackets; nothing where one of them is not printed for the same thing."""
    found = [cell.printed[quantity] for cell in cells if cell and cell.comparable and quantity in cell.printed]
    return f" (printed {joined([f'{value:.1f}' for value in found])})" if len(found) == len(cells) else ""


def _table_3a(table: Table) -> Answer:
    reading = _reading(table)
    cells = [_at(table, kind, RATIO, reading) for kind in ("orthogonal", "plain")]
    ours, plain = (_mean(cell, "forget_accuracy") for cell in cells)
    if ours is None or plain is None:
        return Answer(None, f"Ratio {RATIO:g} is not measured on both networks yet.")
    left = [_percent(cell, "forget_accuracy") for cell in cells]
    figures = (
        f"at ratio {RATIO:g} the orthogonal network still recognises {left[0]} of {table.forgotten} and the plain "
        f"one {left[1]}{_printed_beside(cells, 'forget_accuracy')}, attenuation read as “{reading}”"
    )
    gone, differ = ours <= FORGOTTEN, plain - ours >= CONTRAST
    begin = {
        (True, True): "The main claim holds here",
        (True, False): "The class is forgotten, but not because the network is orthogonal",
        (False, True): "Half of the main claim holds here: the networks differ, but the class is not gone",
        (False, False): "The main claim does not hold here",
    }[gone, differ]
    return Answer(gone and differ, f"{begin}: {figures}.")


def _table_3b(table: Table) -> Answer:
    reading = _reading(table)
    cells = sorted(
        (cell for cell in table.measured if cell.reading == reading and cell.at is not None),
        key=lambda cell: cell.at or 0.0,
    )
    left = {cell.at: value for cell in cells if (value := cell.mean("forget_accuracy")) is not None}
    if len(left) < 2:
        return Answer(None, "Too few strengths are measured to say anything yet.")
    gone = [at for at, value in left.items() if at is not None and value <= FORGOTTEN]
    first, last = (cell.mean("retain_accuracy") or 0.0 for cell in (cells[0], cells[-1]))
    ending = (
        f"; the other classes go from {first:.1f} % at strength {cells[0].at:g} to {last:.1f} % at {cells[-1].at:g}, "
        f"attenuation read as “{reading}”."
    )
    if not gone:
        least = f"at least {min(left.values()):.1f} % of {table.forgotten} are left"
        return Answer(False, f"Does not hold here: it is forgotten at no strength measured, {least}{ending}")
    if min(gone) > STRENGTH:
        late = f"from strength {min(gone):g} on, not from {STRENGTH:g}"
        return Answer(False, f"Holds in part: {table.forgotten} is forgotten {late}{ending}")
    return Answer(True, f"Holds here: {table.forgotten} is forgotten from strength {min(gone):g} on{ending}")


def _appendix(table: Table) -> Answer:
    found = {reading: classes for reading in READINGS if (classes := _classes(table, reading))}
    if not found:
        return Answer(None, "No class is measured after pruning yet.")
    # the reading in the method's favour, among those that have seen most classes
    reading = max(found, key=lambda name: (len(found[name]), sum(left <= FORGOTTEN for left, _ in found[name])))
    classes, every = found[reading], len(table.classes)
    gone, worst = sum(left <= FORGOTTEN for left, _ in classes), max(cost for _, cost in classes)
    so_far = "" if len(classes) == every else f" ({every - len(classes)} are not measured yet)"
    figures = (
        f"{gone} of {len(classes)} classes are forgotten by pruning{_gone_each(table, reading)}{so_far}, and the "
        f"others lose at most {max(worst, 0.0):.1f} points, attenuation read as “{reading}”"
    )
    held = gone == len(classes) and worst <= 2 * DAMAGE
    return Answer(held, f"{'Holds' if held else 'Does not hold'} here: {figures}{_tuned(table)}.")


def _classes(table: Table, reading: str) -> list[tuple[float, float]]:
    """Return, for every class measured, what is left of it after pruning and what the others have lost."""
    found = []
    for label in range(len(table.classes)):
        raw, pruned = table.cell(f"{label}/raw"), table.cell(f"{label}/pruned/{reading}")
        left, kept = _mean(pruned, "forget_accuracy"), _mean(pruned, "retain_accuracy")
        before = _mean(raw, "retain_accuracy")
        if left is not None and kept is not None and before is not None:
            found.append((left, before - kept))
    return found


def _gone_each(table: Table, reading: str) -> str:
    """Return how many classes each training forgets."""
    gone: Counter[int] = Counter()
    for cell in table.measured:
        if cell.measure == "pruned" and cell.reading == reading:
            left = cell.by_training("forget_accuracy")
            gone.update({seed: int(value <= FORGOTTEN) for seed, value in left.items()})
    return _each({seed: str(count) for seed, count in sorted(gone.items())})


def _tuned(table: Table) -> str:
    tuned = [cell.mean("forget_accuracy") for cell in table.measured if cell.measure == "fine-tuned"]
    if not tuned:
        return "; fine-tuning is not measured yet"
    gone = sum(left is not None and left <= FORGOTTEN for left in tuned)
    return f"; after fine-tuning {gone} of {len(tuned)} are"


def _figure_1(table: Table) -> Answer:
    forgotten, retained = table.cell("forgotten"), table.cell("retained")
    here, there = _mean(forgotten, "peak"), _mean(retained, "peak")
    if forgotten is None or here is None or there is None:
        return Answer(None, "The maps are not measured yet.")
    count = len(forgotten.draws[0].pruned)
    channels = "the pruned channel peaks" if count == 1 else f"the {count} pruned channels peak"
    figures = f"in the first layer {channels} at {here:.2f} for {table.forgotten} and {there:.2f} for the other"
    held = here > there
    return Answer(held, f"{'Holds' if held else 'Does not hold'} for these two images: {figures}.")


def _figure_3(table: Table) -> Answer:
    moved = _mean(table.cell("after"), "drift")
    if moved is None:
        return Answer(None, "The heatmaps after pruning are not measured, or show nothing.")
    retrained = table.cell("retrained")
    beside = "" if retrained is not None and retrained.draws else " No retrained network is there to compare with."
    where = "mostly elsewhere" if moved > MOVED else "mostly at the same places"
    return Answer(
        None,
        f"After pruning the network looks {where} in images of {table.forgotten}: {100 * moved:.0f} % of its "
        f"attention has moved.{beside}",
    )


ANSWERS: dict[TableName, Callable[[Table], Answer]] = {
    "table-1": _table_1, "table-2": _table_2, "table-3a": _table_3a, "table-3b": _table_3b,
    "appendix": _appendix, "figure-1": _figure_1, "figure-3": _figure_3,
}  # fmt: skip


def _mean(cell: Cell | None, quantity: Quantity) -> float | None:
    return None if cell is None else cell.mean(quantity)


def _reading(table: Table) -> Attenuation:
    """Return the reading that fits the printed curve better; floor, the paper's letter, as long as nobody knows."""
    found = fits(table.cells)
    return found[0].reading if found else "floor"


def _at(table: Table, kind: str, at: float, reading: Attenuation) -> Cell | None:
    chosen = (cell for cell in table.cells if (cell.kind, cell.at, cell.reading) == (kind, at, reading))
    return next(chosen, None)


def _best(cells: Sequence[Cell]) -> Cell | None:
    """Return the cell that forgets most; the reading in the method's favour."""
    known = [cell for cell in cells if _mean(cell, "forget_accuracy") is not None]
    return min(known, key=lambda cell: cell.mean("forget_accuracy") or 0.0, default=None)
