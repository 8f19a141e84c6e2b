"""An outcome in words, as table rows and as a document: what the page, the files and the command line say."""

import csv
import io
from typing import Any

import orthoui
from orthoui.evaluation.accuracy import Accuracies, Estimate
from orthoui.evaluation.distance import Distance
from orthoui.evaluation.membership import MembershipResult
from orthoui.evaluation.outcome import Measured, Outcome
from orthoui.evaluation.variants import Variant
from orthoui.evaluation.verdict import fate, judge

ROWS: tuple[tuple[Variant, str], ...] = (
    ("before", "before"),
    ("after", "after"),
    ("retrained", "retrained without it"),
    ("random", "random channels"),
    ("mask", "logit mask"),
)
NUMBER_WORDS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NOT_MEASURED = "not measured"
TOP = ("forget_accuracy", "forget_accuracy_interval", "retain_accuracy", "retain_accuracy_interval")
RECORDED = (
    "class_names", "reference", "verdict", "membership", "distance_to_retrained", "distance_floor", "touched",
    "precision", "notices",
)  # fmt: skip


def headline(outcome: Outcome) -> str:
    """Say the result in one sentence, e.g. “Sneaker forgotten: 98.2 → 0.0 %; the other nine: 91.9 → 92.1 %.”"""
    before, after = (outcome.measured[name].accuracies for name in ("before", "after"))
    about = "" if outcome.exact else "≈ "
    doing = {"not forgotten": "still recognised", "partly": "partly forgotten"}.get(state := fate(outcome), state)
    rest = len(outcome.class_names) - len(outcome.request.classes)
    others = f"the other {NUMBER_WORDS[rest] if rest < len(NUMBER_WORDS) else rest}"
    return (
        f"{outcome.forgotten} {doing}: {about}{_change(before.forget, after.forget)}; "
        f"{others}: {about}{_change(before.retain, after.retain)}."
    )


def cost(outcome: Outcome) -> str:
    """Say what was done for it, e.g. “83 of 1,200 channels scaled in 2 ms”."""
    if outcome.method is not None:
        return f"{outcome.method}, {outcome.timings_ms['unlearn'] / 1000:,.2f} s"
    channels = sum(len(layer.scores) for layer in outcome.plan.layers.values())
    milliseconds = outcome.timings_ms["plan"] + outcome.timings_ms["apply"]
    where = "" if outcome.request.scope == "all" else " in scope"
    return f"{outcome.plan.touched_channels:,} of {channels:,} channels{where} scaled in {milliseconds:.1f} ms"


def _change(before: Estimate | None, after: Estimate | None) -> str:
    if before is None or after is None:
        return NOT_MEASURED
    return f"{before.value:.1f} → {after.value:.1f} %"


def table(outcome: Outcome) -> list[dict[str, Any]]:
    """Return one row per network; values in percent or nats, None where not measured."""
    rows = []
    for variant, name in ROWS:
        measured = outcome.measured.get(variant)
        if measured is not None:
            rows.append({"network": name, **_accuracy_cells(measured), **_privacy_cells(outcome, variant)})
    return rows


def _accuracy_cells(measured: Measured) -> dict[str, Any]:
    part = measured.accuracies
    return {
        **_interval("forget_accuracy", part.forget),
        **_interval("retain_accuracy", part.retain),
        "n_forget": part.n_forget,
        "n_retain": part.n_retain,
        "forget_entropy": part.forget_entropy,
        "retain_entropy": part.retain_entropy,
    }


def _privacy_cells(outcome: Outcome, variant: Variant) -> dict[str, Any]:
    membership = outcome.membership.get(variant)
    distance = outcome.distance_floor if variant == "retrained" else outcome.distances.get(variant)
    return {
        **_attack("membership_a", membership.convention_a if membership else None),
        **_attack("membership_b", membership.convention_b if membership else None),
        "distance_forget": distance.forget.mean if distance and distance.forget else None,
        "distance_retain": distance.retain.mean if distance and distance.retain else None,
    }


def _interval(name: str, estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _attack(name: str, result: MembershipResult | None) -> dict[str, Any]:
    if result is None:
        return {name: None, f"{name}_spread": None}
    return {name: result.mean, f"{name}_spread": result.spread}


def to_csv(outcome: Outcome) -> str:
    """Return the table as CSV, one row per network, with what identifies the measurement in every row."""
    shared = {
        "model": outcome.model,
        "dataset": outcome.dataset,
        "forgotten": outcome.forgotten,
        "split": outcome.split,
        **(
            {"request": outcome.request.digest, "seed": outcome.request.seed}
            if outcome.method is None
            else {"method": outcome.method, "run": outcome.run}
        ),
    }
    rows = [{**shared, **row} for row in table(outcome)]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def document(outcome: Outcome) -> dict[str, Any]:
    """Return everything as one JSON document: the contract of ``orthoui forget --json``."""
    membership = outcome.membership.get("after")
    verdict = judge(outcome)
    return {
        "model": outcome.model,
        "dataset": outcome.dataset,
        "classes": list(outcome.request.classes),
        "class_names": [outcome.class_names[label] for label in outcome.request.classes],
        **_asked(outcome),
        **{name: _document_of(outcome.measured.get(name)) for name, _ in ROWS},
        "reference": outcome.reference,
        "verdict": verdict.model_dump(),
        "membership": {
            "convention_a": _dumped(membership.convention_a if membership else None),
            "convention_b": _dumped(membership.convention_b if membership else None),
            "before": _both(outcome, "before"),
            "retrained": _both(outcome, "retrained"),
        },
        "distance_to_retrained": _dumped(outcome.distance),
        "distance_floor": _dumped(outcome.distance_floor),
        "touched": {
            "layers": outcome.plan.touched_layers,
            "channels": outcome.plan.touched_channels,
            "parameters": outcome.touched_parameters,
        },
        "timings_ms": outcome.timings_ms,
        "device": outcome.device,
        "precision": outcome.precision,
        "notices": list(outcome.notices),
        "version": orthoui.__version__,
    }


def _asked(outcome: Outcome) -> dict[str, Any]:
    """Return what was asked for: soft pruning's request, or which run of another method is shown."""
    if outcome.method is not None:
        return {"method": outcome.method, "run": outcome.run}
    request = outcome.request
    return {"request": request.model_dump(mode="json"), "request_digest": request.digest, "seed": request.seed}


def metrics(outcome: Outcome) -> dict[str, Any]:
    """Return what the ledger keeps of an outcome: its document without request and the large tables.

    The accuracies after forgetting stand at the top too, with their intervals, where every list of runs looks.
    """
    whole = document(outcome)
    kept = {name: whole[name] for name in RECORDED}
    for name, _ in ROWS:
        kept[name] = {key: value for key, value in (whole[name] or {}).items() if key != "confusion"} or None
    after = whole["after"] or {}
    return {name: after.get(name) for name in TOP} | kept


def stage_seconds(outcome: Outcome) -> dict[str, float]:
    """Return the seconds of every stage, as the ledger names them: statistics, edit, optimisation, evaluation."""
    spent = outcome.timings_ms
    return {
        "statistics": spent["profile"] / 1000,
        "edit": (spent["plan"] + spent["apply"]) / 1000,
        "optimisation": 0.0,
        "evaluation": spent["evaluate"] / 1000,
    }


def _document_of(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    part: Accuracies = measured.accuracies
    return {
        "forget_accuracy": part.forget.value if part.forget else None,
        "forget_accuracy_interval": _ends(part.forget),
        "retain_accuracy": part.retain.value if part.retain else None,
        "retain_accuracy_interval": _ends(part.retain),
        "per_class_accuracy": [each.value if each else None for each in part.per_class],
        "per_class_accuracy_interval": [_ends(each) for each in part.per_class],
        "n_forget": part.n_forget,
        "n_retain": part.n_retain,
        "forget_entropy": part.forget_entropy,
        "retain_entropy": part.retain_entropy,
        "confusion": measured.confusion.tolist(),
        "split": part.split,
    }


def _ends(estimate: Estimate | Distance | None) -> list[float] | None:
    return None if estimate is None else [estimate.low, estimate.high]


def _both(outcome: Outcome, variant: Variant) -> dict[str, Any] | None:
    result = outcome.membership.get(variant)
    if result is None:
        return None
    return {"convention_a": _dumped(result.convention_a), "convention_b": _dumped(result.convention_b)}


def _dumped(value: Any) -> Any:
    return None if value is None else value.model_dump(mode="json")
