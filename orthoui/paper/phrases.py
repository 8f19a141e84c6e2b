"""Phrases of the answers: what a cell measured, with its spread, its trainings and the printed number."""

from collections.abc import Mapping, Sequence

from orthoui.paper.printed import Quantity
from orthoui.paper.schema import Cell
from orthoui.wording import joined


def mean(cell: Cell | None, quantity: Quantity) -> float | None:
    """Return the mean over the draws; None where the cell or the number is not there."""
    return None if cell is None else cell.mean(quantity)


def pair(cell: Cell) -> str:
    """Say what is left of the class and of the others, with the printed numbers behind where they compare."""
    parts: tuple[tuple[Quantity, str], ...] = (
        ("forget_accuracy", "of it left"),
        ("retain_accuracy", "of the others"),
    )
    known = [(name, about) for name, about in parts if cell.mean(name) is not None]
    return ", ".join(f"{percent(cell, name)} {about}{printed_beside([cell], name)}" for name, about in known)


def percent(cell: Cell | None, quantity: Quantity) -> str:
    """Return the mean with its spread over the draws: a few images can decide a lot, and the sentence must say so.

    Where several networks were trained alike, the mean of each stands behind.
    """
    found = None if cell is None else cell.measured.get(quantity)
    if cell is None or found is None:
        return "not measured"
    words = f"{found.mean:.1f} %" if not found.spread else f"{found.mean:.1f} ± {found.spread:.1f} %"
    return words + each({seed: f"{value:.1f}" for seed, value in cell.by_training(quantity).items()})


def each(by_training: Mapping[int, str]) -> str:
    """Return what every training came to, in brackets; nothing where there is only one."""
    parts = [f"training {seed}: {words}" for seed, words in by_training.items()]
    return f" ({', '.join(parts)})" if len(parts) > 1 else ""


def printed_beside(cells: Sequence[Cell | None], quantity: Quantity) -> str:
    """Return the printed numbers in brackets; nothing where one of them is not printed for the same thing."""
    found = [cell.printed[quantity] for cell in cells if cell and cell.comparable and quantity in cell.printed]
    return f" (printed {joined([f'{value:.1f}' for value in found])})" if len(found) == len(cells) else ""
