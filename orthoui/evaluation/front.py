"""The Pareto front of forgetting against keeping."""

from collections.abc import Sequence


def unbeaten(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the places of the points that no other beats in both numbers, best forgetting first.

    A point is what is left on the forgotten classes and what is kept on the others, percent. Equal points all count.
    """
    best: list[int] = []
    for place in sorted(range(len(points)), key=lambda one: (points[one][0], -points[one][1])):
        if not best or points[place][1] > points[best[-1]][1] or points[place] == points[best[-1]]:
            best.append(place)
    return best
