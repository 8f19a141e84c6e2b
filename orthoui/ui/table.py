"""The table of the Forget page: one row per network, intervals in a lighter tone."""

from html import escape

from orthoui.evaluation.accuracy import Estimate
from orthoui.evaluation.membership import MembershipResult
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.summary import ROWS
from orthoui.evaluation.variants import Variant

HEADS = (
    ("network", "What is compared."),
    ("forgotten class", "A_u: accuracy on test images of the forgotten class, with 95 % interval."),
    ("other classes", "A_r: accuracy on test images of all other classes, with 95 % interval."),
    (
        "recognised as training images",
        "How many of the class's training images an attacker still takes for training images (membership inference, "
        "convention A), with 95 % interval over the attacker's draws. Compare with the retrained row: the logit "
        "mask, which changes no weight, passes too.",
    ),
    (
        "told from unseen",
        "How well an attacker tells the class's training images from unseen ones (membership inference, "
        "convention B). 50 % is guessing; where the row before is there already, this attack cannot tell anything.",
    ),
    (
        "distance to retrained",
        "Jensen–Shannon divergence between the answers on test images of the forgotten class, 0 to 0.69 (of random "
        "channels on those that it has seen); "
        "in the retrained row: the distance between two retrained models with different seeds.",
    ),
)
WAITING = '<span class="waiting">measuring …</span>'
NONE = '<span class="light">not measured</span>'


def table_html(outcome: Outcome) -> str:
    """Return the table as HTML; every text in it is escaped."""
    heads = "".join(f'<th scope="col" title="{escape(help_)}">{escape(text)}</th>' for text, help_ in HEADS)
    rows = "".join(_row(outcome, variant, name) for variant, name in ROWS if _shown(outcome, variant))
    return f'<div class="evidence"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def definitions() -> str:
    """Return what the columns mean, as Markdown."""
    return "\n".join(f"* **{text}**: {help_}" for text, help_ in HEADS[1:])


def _shown(outcome: Outcome, variant: Variant) -> bool:
    return variant in outcome.measured or variant in ("retrained", "random")


def _row(outcome: Outcome, variant: Variant, name: str) -> str:
    measured = outcome.measured.get(variant)
    waiting = WAITING if _comes(outcome, variant) else NONE
    cells = [f'<th scope="row"><span class="mark {variant}"></span>{escape(name)}</th>']
    if measured is None:
        cells += [f"<td>{waiting}</td>"] * 2
    else:
        cells += [_estimate(measured.accuracies.forget), _estimate(measured.accuracies.retain)]
    result = outcome.membership.get(variant)
    for attack in (result.convention_a, result.convention_b) if result else (None, None):
        cells.append(_attack(attack, waiting if result is None and variant != "random" else NONE))
    cells.append(_distance(outcome, variant, waiting))
    return f'<tr class="{variant}">{"".join(cells)}</tr>'


def _comes(outcome: Outcome, variant: Variant) -> bool:
    """Whether what a network lacks is still being measured."""
    absent = (variant == "retrained" and outcome.reference is None) or (variant == "random" and bool(outcome.method))
    return not (outcome.complete or absent)


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return f"<td>{NONE}</td>"
    return f'<td>{estimate.value:.1f} % <span class="light">{estimate.low:.1f}–{estimate.high:.1f}</span></td>'


def estimate_text(estimate: Estimate | None) -> str:
    """Return a share with its interval as plain text, e.g. “91.4 % (90.8–92.0)”."""
    if estimate is None:
        return "not measured"
    return f"{estimate.value:.1f} % ({estimate.low:.1f}–{estimate.high:.1f})"


def _attack(result: MembershipResult | None, otherwise: str) -> str:
    if result is None:
        return f"<td>{otherwise}</td>"
    return f'<td>{result.mean:.1f} % <span class="light">{result.low:.1f}–{result.high:.1f}</span></td>'


def _distance(outcome: Outcome, variant: Variant, waiting: str) -> str:
    shown = outcome.distance_floor if variant == "retrained" else outcome.distances.get(variant)
    if shown is None or shown.forget is None:
        undecided = outcome.distance is None and outcome.reference is not None
        return f"<td>{waiting if undecided else NONE}</td>"
    part = shown.forget
    return f'<td>{part.mean:.3f} <span class="light">{part.low:.3f}–{part.high:.3f}</span></td>'
