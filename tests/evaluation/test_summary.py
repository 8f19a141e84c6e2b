"""An outcome in words, as rows and as a document: they agree with what was measured and with each other."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

import orthoui
from orthoui.data import Dataset
from orthoui.evaluation.accuracy import Estimate
from orthoui.evaluation.outcome import Measured, Membership, Outcome
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.summary import ROWS, cost, document, headline, table, to_csv
from orthoui.evaluation.variants import Variant
from orthoui.evaluation.verdict import judge
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.trained import TrainedModel
from tests.tiny import with_splits

REQUEST = ForgetRequest(classes=(1,), ratio=0.3, strength=0.8, target="bn", attenuation="uniform")


def last(outcomes: Iterator[Outcome]) -> Outcome:
    *_, outcome = outcomes
    return outcome


@pytest.fixture(scope="module")
def outcome(model: TrainedModel, data: Dataset, reference: TrainedModel) -> Outcome:
    """Everything measured; the attacks' results after convention B are made up, one of them missing."""
    found = last(forget(model, data, REQUEST, reference))
    membership = dict(found.membership)
    for variant, part in found.membership.items():
        first = part.convention_a
        assert first is not None
        second = first.model_copy(update={"convention": "B", "mean": 55.0, "low": 50.0, "high": 60.0})
        membership[variant] = Membership(first, None if variant == "retrained" else second)
    return replace(found, membership=membership)


@pytest.fixture(scope="module")
def alone(model: TrainedModel, data: Dataset) -> Outcome:
    """Without a reference and without membership inference."""
    return last(forget(model, data, REQUEST, membership=False))


def estimate(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value=value, low=value, high=value, n=100)


def with_accuracies(outcome: Outcome, **pairs: tuple[float | None, float | None]) -> Outcome:
    """Return the outcome with other accuracies, (forgotten, others) by network."""
    measured: dict[Variant, Measured] = dict(outcome.measured)
    for name, (forgotten, others) in pairs.items():
        was = outcome.measured[name]  # type: ignore[index]
        found = was.accuracies.model_copy(update={"forget": estimate(forgotten), "retain": estimate(others)})
        measured[name] = replace(was, accuracies=found)  # type: ignore[index]
    return replace(outcome, measured=measured)


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        ((0.04, 92.13), "east forgotten: 98.2 → 0.0 %; the other three: 91.9 → 92.1 %."),
        ((40, 91.9), "east partly forgotten: 98.2 → 40.0 %; the other three: 91.9 → 91.9 %."),
        ((80, 91.9), "east still recognised: 98.2 → 80.0 %; the other three: 91.9 → 91.9 %."),
        ((0, 60), "east forgotten: 98.2 → 0.0 %; the other three: 91.9 → 60.0 %."),
        ((80, 60), "east still recognised: 98.2 → 80.0 %; the other three: 91.9 → 60.0 %."),
        ((None, 60), "east not measured: not measured; the other three: 91.9 → 60.0 %."),
        ((0, None), "east forgotten: 98.2 → 0.0 %; the other three: not measured."),
    ],
)
def test_the_headline_says_what_became_of_both_groups(
    outcome: Outcome, after: tuple[float | None, float | None], sentence: str
) -> None:
    assert headline(with_accuracies(outcome, before=(98.2, 91.94), after=after, retrained=(0, 92))) == sentence


def test_the_headline_does_not_call_forgotten_what_was_not_recognised_before(outcome: Outcome) -> None:
    found = with_accuracies(outcome, before=(25, 91.94), after=(0, 92.13), retrained=(0, 92))
    assert headline(found) == "east not recognised before: 25.0 → 0.0 %; the other three: 91.9 → 92.1 %."
    assert document(found)["verdict"]["kind"] == "not recognised before"


def test_an_estimate_is_marked_as_one(outcome: Outcome) -> None:
    measured = outcome.measured | {"after": replace(outcome.measured["after"], exact=False)}
    assert headline(replace(outcome, measured=measured)).count("≈") == 2
    assert "≈" not in headline(outcome)


def test_several_classes_are_named_and_the_rest_counted(outcome: Outcome) -> None:
    request = outcome.request.model_copy(update={"classes": (0, 1, 3)})
    assert headline(replace(outcome, request=request)).startswith("north, east and west ")
    assert "the other one: " in headline(replace(outcome, request=request))
    many = tuple(f"class {number}" for number in range(30))
    assert "the other 29: " in headline(replace(outcome, class_names=many))


def test_a_plan_without_effect_is_called_unchanged(outcome: Outcome) -> None:
    nothing = replace(outcome, plan=Plan(REQUEST, {}))
    assert headline(with_accuracies(nothing, before=(1, 90), after=(1, 90))).startswith("east unchanged: ")


def test_the_cost_counts_channels_and_time(outcome: Outcome, model: TrainedModel) -> None:
    done = replace(outcome, timings_ms={"plan": 1.26, "apply": 0.3})
    touched = outcome.plan.touched_channels
    assert touched > 0
    assert cost(done) == f"{touched} of {model.anatomy.channels} channels scaled in 1.6 ms"
    part = replace(done, request=REQUEST.model_copy(update={"scope": "stage:4"}))
    assert cost(part) == f"{touched} of {model.anatomy.channels} channels in scope scaled in 1.6 ms"


def test_the_table_has_a_row_per_network_with_its_own_numbers(outcome: Outcome) -> None:
    rows = table(outcome)
    assert [row["network"] for row in rows] == [name for _, name in ROWS]
    for (variant, _), row in zip(ROWS, rows, strict=True):
        part = outcome.measured[variant].accuracies
        assert part.forget is not None and part.retain is not None
        assert (row["forget_accuracy"], row["retain_accuracy"]) == (part.forget.value, part.retain.value)
        assert (row["forget_accuracy_low"], row["forget_accuracy_high"]) == (part.forget.low, part.forget.high)
        assert (row["n_forget"], row["n_retain"]) == (40, 120)
        attacked = outcome.membership.get(variant)
        first, second = (attacked.convention_a, attacked.convention_b) if attacked else (None, None)
        assert row["membership_a"] == (first.mean if first else None)
        assert row["membership_b_spread"] == (second.spread if second else None)
    assert [row["membership_b"] for row in rows] == [55.0, 55.0, None, 55.0, 55.0]
    assert outcome.distance is not None and outcome.distance.forget is not None
    distances = {**outcome.distances, "retrained": outcome.distance_floor}
    found = [distances[variant] for variant, _ in ROWS]
    assert [row["distance_forget"] for row in rows] == [
        one.forget.mean if one and one.forget else None for one in found
    ]
    assert set(outcome.distances) == {"before", "after", "random", "mask"}


def test_what_was_not_measured_is_none_and_never_zero(alone: Outcome) -> None:
    rows = {row["network"]: row for row in table(alone)}
    assert set(rows) == {"before", "after", "random channels", "logit mask"}
    for row in rows.values():
        for name in ("membership_a", "membership_a_spread", "membership_b", "distance_forget", "distance_retain"):
            assert row[name] is None
    assert "retrained" in document(alone) and document(alone)["retrained"] is None
    assert document(alone)["reference"] is None
    assert document(alone)["distance_to_retrained"] is None
    assert document(alone)["membership"] == dict.fromkeys(("convention_a", "convention_b", "before", "retrained"))


def test_a_split_without_the_class_leaves_its_accuracy_open(model: TrainedModel, data: Dataset) -> None:
    others = data["test"].subset((data["test"].labels != 1).nonzero().flatten())
    found = last(forget(model, with_splits(data, test=others), REQUEST, membership=False))
    assert table(found)[1]["forget_accuracy"] is None
    assert table(found)[1]["forget_accuracy_low"] is None
    assert document(found)["after"]["forget_accuracy"] is None
    assert document(found)["after"]["per_class_accuracy"][1] is None
    assert headline(found).startswith("east not measured: not measured; the other three: ")


def test_csv_holds_the_table_and_names_the_measurement_in_every_row(outcome: Outcome) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(outcome))))
    assert len(rows) == 5
    for written, row in zip(rows, table(outcome), strict=True):
        assert {name: written[name] for name in row} == {
            name: "" if value is None else str(value) for name, value in row.items()
        }
        assert written["model"] == outcome.model
        assert (written["forgotten"], written["split"], written["seed"]) == ("east", "test", "0")
        assert written["request"] == REQUEST.digest


def test_the_document_is_plain_json_and_agrees_with_the_table(outcome: Outcome) -> None:
    found = document(outcome)
    assert json.loads(json.dumps(found, allow_nan=False))["request"]["ratio"] == 0.3
    for (variant, _), row in zip(ROWS, table(outcome), strict=True):
        part = found[variant]
        assert part["forget_accuracy"] == row["forget_accuracy"]
        assert part["retain_accuracy_interval"] == [row["retain_accuracy_low"], row["retain_accuracy_high"]]
        assert len(part["per_class_accuracy"]) == len(part["per_class_accuracy_interval"]) == 4
        assert sum(map(sum, part["confusion"])) == part["n_forget"] + part["n_retain"] == 160
        assert part["split"] == "test"
    assert (found["classes"], found["class_names"]) == ([1], ["east"])
    assert ForgetRequest.model_validate(found["request"]) == REQUEST
    assert found["request_digest"] == REQUEST.digest
    assert found["verdict"]["kind"] == judge(outcome).kind
    assert found["touched"] == {
        "layers": outcome.plan.touched_layers,
        "channels": outcome.plan.touched_channels,
        "parameters": outcome.touched_parameters,
    }
    assert set(found["timings_ms"]) == {"profile", "plan", "apply", "evaluate"}
    assert (found["version"], found["device"], found["seed"]) == (orthoui.__version__, "cpu", 0)
    assert found["reference"] == "tiny-5"


def test_the_document_holds_both_conventions_with_their_intervals(outcome: Outcome) -> None:
    membership = document(outcome)["membership"]
    after = outcome.membership["after"]
    assert after.convention_a is not None and after.convention_b is not None
    for name, result in (("convention_a", after.convention_a), ("convention_b", after.convention_b)):
        assert membership[name]["mean"] == result.mean
        assert membership[name]["low"] <= membership[name]["mean"] <= membership[name]["high"]
    assert set(membership["before"]) == set(membership["retrained"]) == {"convention_a", "convention_b"}
