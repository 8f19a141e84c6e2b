"""From an outcome to charts: what each shows is chosen here, nothing is computed."""

import plotly.graph_objects as go

from orthoui.evaluation.accuracy import destinations
from orthoui.evaluation.bins import binned_scores
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.summary import ROWS
from orthoui.evaluation.variants import Variant
from orthoui.figures import (
    AccuracySeries,
    Destination,
    DifferenceBins,
    LayerDifferences,
    Mode,
    difference_histogram,
    layer_histograms,
    per_class_accuracy,
)
from orthoui.figures import destinations as destination_chart
from orthoui.forgetting.plan import Plan


def accuracy_figure(outcome: Outcome, mode: Mode) -> go.Figure:
    """Return accuracy per class, one symbol a network."""
    series = [_series(outcome, variant, name) for variant, name in ROWS if variant in outcome.measured]
    n = sum(estimate.n for estimate in outcome.measured["after"].accuracies.per_class if estimate)
    return per_class_accuracy(
        series,
        outcome.class_names,
        outcome.request.classes,
        mode=mode,
        title=_accuracy_title(outcome),
        subtitle=f"accuracy per class, {n:,} {outcome.split} images; short bars: 95 % intervals",
    )


def _series(outcome: Outcome, variant: Variant, name: str) -> AccuracySeries:
    per_class = outcome.measured[variant].accuracies.per_class
    return AccuracySeries(
        name=name,
        kind=variant,
        values=tuple(each.value if each else None for each in per_class),
        low=tuple(each.low if each else None for each in per_class),
        high=tuple(each.high if each else None for each in per_class),
    )


def _accuracy_title(outcome: Outcome) -> str:
    before, after = (outcome.measured[name].accuracies for name in ("before", "after"))
    losses = {
        name: was.value - now.value
        for label, (name, was, now) in enumerate(
            zip(outcome.class_names, before.per_class, after.per_class, strict=True)
        )
        if was and now and label not in outcome.request.classes
    }
    if not losses or after.forget is None:
        return "Accuracy per class"
    worst = max(losses, key=lambda name: losses[name])
    verb = "is" if len(outcome.request.classes) == 1 else "are"
    fate = f"{outcome.forgotten} {verb} at {after.forget.value:.1f} %"
    if losses[worst] < 1:
        return f"{fate}; no other class loses a point"
    return f"{fate}; of the others {worst} loses most, {losses[worst]:.1f} points"


def flow_figure(outcome: Outcome, mode: Mode) -> go.Figure:
    """Return where the images of the forgotten classes go now, beside before and the retrained reference."""
    after, before, retrained = (_shares(outcome, "after"), _shares(outcome, "before"), _shares(outcome, "retrained"))
    rows = [
        Destination(
            name=name,
            after=after.get(label, 0.0),
            before=before.get(label, 0.0),
            retrained=retrained.get(label, 0.0) if retrained else None,
        )
        for label, name in enumerate(outcome.class_names)
    ]
    forgotten = {outcome.class_names[label] for label in outcome.request.classes}
    return destination_chart(
        rows,
        forgotten,
        mode=mode,
        title=_flow_title(rows, forgotten),
        subtitle=f"answers to images of the forgotten {'class' if len(forgotten) == 1 else 'classes'}",
    )


def _shares(outcome: Outcome, variant: Variant) -> dict[int, float]:
    """Percent of the forgotten images answered with each class, all forgotten classes together."""
    measured = outcome.measured.get(variant)
    if measured is None:
        return {}
    labels = list(outcome.request.classes)
    pooled = measured.confusion.copy()
    pooled[labels[0]] = measured.confusion[labels].sum(0)
    return {label: 100 * share for label, share in destinations(pooled, labels[0])}


def _flow_title(rows: list[Destination], forgotten: set[str]) -> str:
    first, second = sorted(rows, key=lambda row: -row.after)[:2]
    if len(forgotten) > 1:
        whose, verbs = "their", ["answered with", "with"]
    else:
        whose = "its"
        verbs = ["still counted as" if one.name in forgotten else "taken for" for one in (first, second)]
    text = f"{first.after:.0f} % of {whose} images are {verbs[0]} {first.name}"
    if second.after < 5:
        return text
    more = "for" if verbs[0] == verbs[1] else verbs[1]
    return f"{text}, {second.after:.0f} % {more} {second.name}"


def histogram_figure(plan: Plan, mode: Mode, layer: str | None = None) -> go.Figure:
    """Return the scores of all channels in scope, or of one layer, as a histogram."""
    binned = binned_scores(plan, layer)
    pruned, total = int(binned.pruned.sum()), int(binned.pruned.sum() + binned.kept.sum())
    where = f"in {layer}" if layer else "together"
    cut = binned.cut if pruned else None
    return difference_histogram(
        DifferenceBins(binned.edges.tolist(), binned.kept.tolist(), binned.pruned.tolist()),
        cut=cut,
        mode=mode,
        title=f"{pruned:,} of {total:,} channels {where} are scaled down" if pruned else "No channel is scaled down",
        subtitle=f"{SCORE_WORDS[plan.request.score]}; "
        + ("the line is the cut" if cut is not None else "every layer has its own cut, drawn below"),
        axis=SCORE_AXES[plan.request.score],
    )


def _layers_title(plan: Plan) -> str:
    scaled = {name: int((part.keep != 1).sum()) for name, part in plan.layers.items()}
    if not any(scaled.values()):
        return "No channel is scaled down"
    most = max(scaled, key=lambda name: scaled[name])
    count, total = scaled[most], len(plan.layers[most].scores)
    if len(scaled) > 1 and min(scaled.values()) == count:
        return f"Every one of {len(scaled)} layers has {count:,} scaled down"
    return f"{most} has most: {count:,} of its {total:,} channels {'is' if count == 1 else 'are'} scaled down"


SCORE_AXES = {
    "difference": "activation difference",
    "margin": "activation difference",
    "standardised": "activation difference, in spreads",
    "random": "random number",
}
SCORE_WORDS = {
    "difference": "peak response to the forgotten class minus the mean of the others",
    "margin": "peak response to the forgotten class minus the highest other class",
    "standardised": "difference of the peak response over the spread between the others",
    "random": "random numbers: this control looks at nothing",
}


def layers_figure(plan: Plan, mode: Mode, selected: tuple[str, int] | None = None) -> go.Figure:
    """Return every channel of every layer in scope at its score, the cut of each layer drawn."""
    layers = []
    for name, part in plan.layers.items():
        pruned = part.scores < -float("inf")
        pruned[part.channels[part.keep != 1]] = True
        layers.append(LayerDifferences(name, part.scores, pruned, part.cut))
    return layer_histograms(
        layers,
        mode=mode,
        title=_layers_title(plan),
        subtitle="one mark a channel; click one to see what it sees",
        selected=selected,
    )
