"""Does a claim of the paper hold here, and by how much: one sentence a table, computed from its cells."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orthoui.evaluation.presets import PAPER_RATIO
from orthoui.forgetting.request import Attenuation
from orthoui.paper.curves import fits
from orthoui.paper.phrases import each, mean, pair, percent, printed_beside
from orthoui.paper.plans import READINGS
from orthoui.paper.printed import STRENGTH
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
DAMAGE_OF_ANY_CLASS = 10.1
"""The same where every class is forgotten in turn and the worst of them counts: as much as the paper's own appendix
loses, 10.07 points (VGG-16, truck: 93.67 % before, 83.60 % pruned); its ResNet-18 loses 6.9 at most."""


@dataclass(frozen=True)
class Answer:
    """``holds`` is None as long as it is not measured; ``in_part`` says of what does not that a part of it does."""

    holds: bool | None
    sentence: str
    in_part: bool = False


def answer(table: Table) -> Answer:
    """Return the answer of a table, in one sentence; another one follows where networks do not compare.

    Of the readings of equation (16) that one counts whose curve is nearer to the printed one; in a table without
    curves the one in the method's favour, and the sentence says so.
    """
    if not table.measured:
        return Answer(None, "Not measured here yet.")
    found = ANSWERS[table.table](table)
    return replace(found, sentence=found.sentence + _unlike(table))


def _unlike(table: Table) -> str:
    """Say which networks were trained otherwise than the orthogonal one: their differences may come from that."""
    found = {cell.kind: cell.unlike for cell in table.measured if cell.unlike}
    return "".join(
        f" The {kind} network was trained otherwise than the orthogonal one ({words}): that may be the difference."
        for kind, words in found.items()
    )


def _table_1(table: Table) -> Answer:
    cells = [table.cell("plain"), table.cell("orthogonal")]
    plain, orthogonal = (mean(cell, "retain_accuracy") for cell in cells)
    if plain is None or orthogonal is None:
        return Answer(None, "Only one of the two networks is measured, so nothing can be compared yet.")
    change = orthogonal - plain
    shown = [percent(cell, "retain_accuracy") for cell in cells]
    figures = f"the other classes {shown[0]} plain, {shown[1]} orthogonal"
    figures += printed_beside(cells, "retain_accuracy")
    if change < -COSTS_LITTLE:
        return Answer(False, f"Does not hold here: training orthogonally costs {-change:.1f} points: {figures}.")
    words = "gains" if change > 0 else "costs"
    return Answer(True, f"Holds here: training orthogonally {words} {abs(change):.1f} points: {figures}.")


def _table_2(table: Table) -> Answer:
    ours = [cell for cell in table.measured if cell.measure == "OSP" and cell.mean("forget_accuracy") is not None]
    found = min(ours, key=lambda cell: cell.mean("forget_accuracy") or 0.0, default=None)
    if found is None:
        return Answer(None, "The method itself is not measured yet.")
    retrained = table.cell("Retrain")
    left, kept = found.mean("forget_accuracy"), found.mean("retain_accuracy")
    usual = mean(retrained, "retain_accuracy")
    beside = "" if retrained is None or usual is None else f"; a retrained network: {pair(retrained)}"
    figures = f"{pair(found)}, {_favoured(found.reading, ours)}{beside}"
    if left is None or left > FORGOTTEN:
        return Answer(False, f"Does not hold here: {table.forgotten} is not forgotten by pruning, {figures}.")
    if usual is None:
        words = f"{table.forgotten} is forgotten by pruning; what that cost the others the row Retrain would tell"
        return Answer(False, f"Holds in part: {words}, {figures}.", in_part=True)
    if kept is not None and kept < usual - DAMAGE:
        sentence = f"Holds in part: {table.forgotten} is forgotten, but others go with it, {figures}."
        return Answer(False, sentence, in_part=True)
    return Answer(True, f"Holds here: {table.forgotten} is forgotten by pruning, {figures}.")


def _table_3a(table: Table) -> Answer:
    reading = _reading(table)
    cells = [_at(table, kind, PAPER_RATIO, reading) for kind in ("orthogonal", "plain")]
    ours, plain = (mean(cell, "forget_accuracy") for cell in cells)
    if ours is None or plain is None:
        return Answer(None, f"Ratio {PAPER_RATIO:g} is not measured on both networks yet.")
    left = [percent(cell, "forget_accuracy") for cell in cells]
    figures = (
        f"at ratio {PAPER_RATIO:g} the orthogonal network still recognises {left[0]} of {table.forgotten} and the "
        f"plain one {left[1]}{printed_beside(cells, 'forget_accuracy')}, attenuation read as “{reading}”"
    )
    gone, differ = ours <= FORGOTTEN, plain - ours >= CONTRAST
    begin = {
        (True, True): "The main claim holds here",
        (True, False): "The class is forgotten, but not because the network is orthogonal",
        (False, True): "Half of the main claim holds here: the networks differ, but the class is not gone",
        (False, False): "The main claim does not hold here",
    }[gone, differ]
    return Answer(gone and differ, f"{begin}: {figures}.", in_part=gone != differ)


def _table_3b(table: Table) -> Answer:
    reading = _reading(table)
    cells = sorted(
        (cell for cell in table.measured if cell.reading == reading and cell.at is not None),
        key=lambda cell: cell.at or 0.0,
    )
    left = {cell.at or 0.0: value for cell in cells if (value := cell.mean("forget_accuracy")) is not None}
    if len(left) < 2:
        return Answer(None, "Too few strengths are measured to say anything yet.")
    first, last = (cell.mean("retain_accuracy") or 0.0 for cell in (cells[0], cells[-1]))
    ending = (
        f"; the other classes go from {first:.1f} % at strength {cells[0].at:g} to {last:.1f} % at {cells[-1].at:g}, "
        f"attenuation read as “{reading}”."
    )
    gone, lasting = _gone(left)
    if not gone:
        least = f"at least {min(left.values()):.1f} % of {table.forgotten} are left"
        return Answer(False, f"Does not hold here: it is forgotten at no strength measured, {least}{ending}")
    if lasting and min(lasting) <= STRENGTH:
        return Answer(True, f"Holds here: {table.forgotten} is forgotten from strength {min(lasting):g} on{ending}")
    late = f"from strength {min(gone):g} on{f', not from {STRENGTH:g}' if STRENGTH in left else ''}"
    if gone != lasting:
        strengths = f"strength{'s' if len(gone) > 1 else ''} {joined([f'{at:g}' for at in gone])}"
        back, again = max((value, at) for at, value in left.items() if at > min(gone))
        late = f"only at {strengths}; {back:.1f} % of it are left again at {again:g}"
    return Answer(False, f"Holds in part: {table.forgotten} is forgotten {late}{ending}", in_part=True)


def _gone(left: Mapping[float, float]) -> tuple[list[float], list[float]]:
    """Return the strengths at which the class is forgotten, and those of them from which on it stays so.

    >>> _gone({0.2: 50.0, 0.4: 1.0, 0.9: 7.0, 1.0: 2.0})
    ([0.4, 1.0], [1.0])
    """
    gone = [at for at, value in left.items() if value <= FORGOTTEN]
    back = max((at for at in left if at not in gone), default=0.0)
    return gone, [at for at in gone if at > back]


def _appendix(table: Table) -> Answer:
    found = {reading: classes for reading in READINGS if (classes := _classes(table, reading))}
    if not found:
        return Answer(None, "No class is measured after pruning yet.")
    most = max(map(len, found.values()))
    able = [name for name in READINGS if len(found.get(name, ())) == most]
    reading = max(able, key=lambda name: _in_favour(found[name]))
    classes, every = found[reading], len(table.classes)
    gone, worst = sum(left <= FORGOTTEN for left, _ in classes), max(cost for _, cost in classes)
    so_far = "" if len(classes) == every else f" ({every - len(classes)} are not measured yet)"
    figures = (
        f"{gone} of {len(classes)} classes are forgotten by pruning{_gone_each(table, reading)}{so_far}, and the "
        f"others lose at most {max(worst, 0.0):.1f} points, {_favoured(reading, able)}"
    )
    held = gone == len(classes) and worst <= DAMAGE_OF_ANY_CLASS
    return Answer(held, f"{'Holds' if held else 'Does not hold'} here: {figures}{_tuned(table)}.")


def _classes(table: Table, reading: str) -> list[tuple[float, float]]:
    """Return, for every class measured, what is left of it after pruning and what the others have lost."""
    found = []
    for label in range(len(table.classes)):
        raw, pruned = table.cell(f"{label}/raw"), table.cell(f"{label}/pruned/{reading}")
        left, kept = mean(pruned, "forget_accuracy"), mean(pruned, "retain_accuracy")
        before = mean(raw, "retain_accuracy")
        if left is not None and kept is not None and before is not None:
            found.append((left, before - kept))
    return found


def _in_favour(classes: Sequence[tuple[float, float]]) -> tuple[int, float]:
    """Return what is larger the more speaks for the method: how many classes are gone, and how little is left."""
    return sum(left <= FORGOTTEN for left, _ in classes), -sum(left for left, _ in classes)


def _gone_each(table: Table, reading: str) -> str:
    """Return how many classes each training forgets."""
    gone: Counter[int] = Counter()
    for cell in table.measured:
        if cell.measure == "pruned" and cell.reading == reading:
            left = cell.by_training("forget_accuracy")
            gone.update({seed: int(value <= FORGOTTEN) for seed, value in left.items()})
    return each({seed: str(count) for seed, count in sorted(gone.items())})


def _tuned(table: Table) -> str:
    tuned = [cell.mean("forget_accuracy") for cell in table.measured if cell.measure == "fine-tuned"]
    if not tuned:
        return "; fine-tuning is not measured yet"
    gone = sum(left is not None and left <= FORGOTTEN for left in tuned)
    return f"; after fine-tuning {gone} of {len(tuned)} are"


def _figure_1(table: Table) -> Answer:
    forgotten, retained = table.cell("forgotten"), table.cell("retained")
    here, there = mean(forgotten, "peak"), mean(retained, "peak")
    if forgotten is None or here is None or there is None:
        return Answer(None, "The maps are not measured yet.")
    count = len(forgotten.draws[0].pruned)
    channels = "the pruned channel peaks" if count == 1 else f"the {count} pruned channels peak"
    figures = f"in the first layer {channels} at {here:.2f} for {table.forgotten} and {there:.2f} for the other"
    held = here > there
    return Answer(held, f"{'Holds' if held else 'Does not hold'} for these two images: {figures}.")


def _figure_3(table: Table) -> Answer:
    after = table.cell("after")
    moved = mean(after, "drift")
    if after is None or not after.draws:
        return Answer(None, "The heatmaps after pruning are not measured yet.")
    if moved is None:
        empty = f"In every image of {table.forgotten} shown Grad-CAM finds no place that speaks for the class"
        return Answer(None, f"{empty}, before pruning or after it, so that none can be compared.")
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


def _reading(table: Table) -> Attenuation:
    """Return the reading that fits the printed curve better; floor, the paper's letter, as long as nobody knows."""
    found = fits(table.cells)
    return found[0].reading if found else "floor"


def _at(table: Table, kind: str, at: float, reading: Attenuation) -> Cell | None:
    chosen = (cell for cell in table.cells if (cell.kind, cell.at, cell.reading) == (kind, at, reading))
    return next(chosen, None)


def _favoured(reading: Attenuation | None, compared: Sequence[object]) -> str:
    """Name the reading; where there was a choice, say which one was made."""
    choice = ", the reading in the method's favour" if len(compared) > 1 else ""
    return f"attenuation read as “{reading}”{choice}"
