"""The words in and behind a cell: its difference to what is printed, and how it was obtained."""

from collections.abc import Sequence
from typing import Literal

from orthoui.paper.curves import band, number
from orthoui.paper.printed import Quantity
from orthoui.paper.schema import Cell, Draw
from orthoui.wording import joined

Verdict = Literal["as printed", "better", "worse", "higher", "lower"]
MORE_IS_BETTER: tuple[Quantity, ...] = ("retain_accuracy",)
UNITS: dict[Quantity, str] = {"seconds": "s"}


def verdict(cell: Cell, quantity: Quantity) -> Verdict | None:
    """Say whether a cell is as printed: the printed number lies in the measured band; None where they do not compare.

    For the forgotten class, the attack and the time less is better, for the other classes more. Nothing is better on
    a plain network, or on one before anything is forgotten: a claim of the paper needs the plain network to keep its
    class, and there a lower number is only lower.
    """
    difference, ends = cell.difference.get(quantity), band(cell, quantity)
    if difference is None or ends is None:
        return None
    if ends[0] <= cell.printed[quantity] <= ends[1]:
        return "as printed"
    if cell.kind == "plain" or cell.measure == "trained":
        return "higher" if difference > 0 else "lower"
    return "better" if (difference > 0) == (quantity in MORE_IS_BETTER) else "worse"


def difference_words(cell: Cell, quantity: Quantity) -> str:
    """Return the difference in words, e.g. “3.1 points worse” or “lower by 3.1 points”."""
    found = verdict(cell, quantity)
    if found is None or found == "as printed":
        return found or ""
    size = abs(cell.difference[quantity])
    if quantity == "seconds":
        return f"{number('seconds', size)} {'faster' if found == 'better' else 'slower'}"
    return f"{size:.1f} points {found}" if found in ("better", "worse") else f"{found} by {size:.1f} points"


def how(cell: Cell, quantity: Quantity) -> list[str]:
    """Say in short sentences how a measured number was obtained."""
    first, newest = cell.draws[0], max(cell.draws, key=lambda draw: draw.date)
    value = first.values.get(quantity)
    counted = f", n = {value.n:,}" if value and value.n else ""
    sentences = [_averaged(cell), f"{_networks(cell.draws)}."]
    sentences.append(f"{cell.split.capitalize()} images{counted}; intervals are 95 %.")
    sentences.append(
        f"{first.device}, {first.precision}, {sum(draw.seconds for draw in cell.draws):.0f} s in all, "
        f"{newest.date:%d %b %Y}, version {newest.version}."
    )
    sentences += [_tuned_words(first)] if first.epochs else []
    return sentences + ([cell.note] if cell.note else [])


def _tuned_words(draw: Draw) -> str:
    """Say for how long was fine-tuned; the earliest of the best epochs is the one that was kept."""
    kept, count = max(draw.epochs, key=lambda epoch: epoch.accuracy), len(draw.epochs)
    times = "One epoch" if count == 1 else f"{count} epochs"
    return f"{times} of fine-tuning; kept: epoch {kept.epoch}, best on calibration images of the other classes."


def draw_words(draw: Draw, quantity: Quantity) -> str:
    """Return one draw's number with its interval."""
    value = draw.values.get(quantity)
    name = "all images" if draw.seed is None else f"draw {draw.seed}"
    if draw.training_seed:
        name += f", training {draw.training_seed}"
    if value is None:
        return f"{name}: not measured"
    ends = "" if value.low is None or value.high is None else f" ({value.low:.1f}–{value.high:.1f})"
    return f"{name}: {number(quantity, value.value)}{ends if quantity != 'seconds' else ''}"


def _averaged(cell: Cell) -> str:
    seeds = sorted({draw.seed for draw in cell.draws if draw.seed is not None})
    trainings = len({draw.model for draw in cell.draws})
    if len(cell.draws) == 1:
        return "One measurement." if not seeds else f"One draw of the five images, seed {seeds[0]}."
    parts = (
        [f"{len(seeds)} draws of the five images (seeds {joined([str(seed) for seed in seeds])})"] if seeds else []
    )
    parts += [f"{trainings} trainings"] if trainings > 1 else []
    return f"Mean of {' × '.join(parts)}; ± is their standard deviation."


def _networks(draws: Sequence[Draw]) -> str:
    seen = {draw.model: draw.model_digest for draw in draws}
    return joined([f"{name} ({digest})" for name, digest in seen.items()])
