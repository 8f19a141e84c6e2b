"""One forgetting from request to evidence on a tiny model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from orthoui.data import Dataset
from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation import pipeline, predictions
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.privacy import masked_sides, membership_from, membership_of, sides_of
from orthoui.evaluation.records import write_record
from orthoui.evaluation.variants import original, planned, random_control
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ChannelEdit, ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.trained import TrainedModel
from tests.evaluation.pruning import REQUEST
from tests.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("float32", "small_chunks")


def last(outcomes: Iterator[Outcome]) -> Outcome:
    *_, outcome = outcomes
    return outcome


@pytest.fixture
def outcomes(model: TrainedModel, data: Dataset, reference: TrainedModel, float32: None) -> list[Outcome]:
    return list(forget(model, data, REQUEST, reference))


def test_the_sequence_sharpens_and_only_the_last_is_complete(outcomes: list[Outcome]) -> None:
    assert [outcome.complete for outcome in outcomes] == [False] * (len(outcomes) - 1) + [True]
    seen = [
        sum(int(measured.confusion.sum()) for measured in outcome.measured.values())
        + len(outcome.membership)
        + (outcome.distance is not None)
        for outcome in outcomes
    ]
    assert seen == sorted(seen)
    accuracies = [total for total, outcome in zip(seen, outcomes, strict=True) if outcome.distance is None]
    assert len(set(accuracies)) == len(accuracies)  # every step towards the exact accuracies tells something new
    first, final = outcomes[0], outcomes[-1]
    assert set(first.measured) == {"before", "retrained", "after", "mask"}
    assert not first.exact
    assert final.exact
    assert set(final.measured) == {"before", "retrained", "after", "mask", "random"}
    assert all(measured.exact for measured in final.measured.values())
    assert set(final.membership) == {"after", "before", "retrained", "random", "mask"}
    assert final.distance is not None and final.distance.forget is not None
    assert final.reference == "tiny-5"


def test_the_controls_are_attacked_by_their_own_answers(
    model: TrainedModel, data: Dataset, outcomes: list[Outcome]
) -> None:
    found = outcomes[-1].membership
    *_, sides = sides_of(original(model), data, REQUEST)
    assert sides is not None
    *_, of_mask = membership_from(masked_sides(sides, REQUEST), REQUEST)
    plan = random_control(model, load_or_measure(model, data, REQUEST).profile, REQUEST)
    *_, of_random = membership_of(planned(model, plan), data, REQUEST)
    assert (found["mask"], found["random"]) == (of_mask, of_random)
    assert of_mask != found["before"] and of_random != found["after"]
    quick = last(forget(model, data, REQUEST, control_images=40))  # where a person waits
    assert set(quick.membership) == {"after", "before", "mask"}


def test_an_outcome_that_was_yielded_never_changes(model: TrainedModel, data: Dataset) -> None:
    first, *later = forget(model, data, REQUEST)
    assert first.membership == {}
    assert first.measured.keys() < later[-1].measured.keys()
    assert first.timings_ms["evaluate"] < later[-1].timings_ms["evaluate"]


def test_intervals_shrink_as_images_are_seen(outcomes: list[Outcome]) -> None:
    def width(outcome: Outcome) -> float:
        estimate = outcome.measured["before"].accuracies.retain
        assert estimate is not None
        return estimate.high - estimate.low

    assert width(outcomes[-1]) < width(outcomes[0])


def test_a_network_is_measured_once_for_each_outcome(
    model: TrainedModel, data: Dataset, reference: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, measure = [], pipeline.accuracies
    monkeypatch.setattr(pipeline, "accuracies", lambda *given, **named: calls.append(0) or measure(*given, **named))
    for outcome in forget(model, data, REQUEST, reference, membership=False):
        assert len(calls) <= len(outcome.measured)
        calls.clear()


def test_exact_numbers_are_those_of_the_complete_predictions(
    outcomes: list[Outcome], model: TrainedModel, data: Dataset
) -> None:
    final, labels = outcomes[-1], data["test"].labels.numpy()
    for name, predictor in (("before", original(model)), ("after", planned(model, final.plan))):
        predicted = predictor.complete(data["test"]).argmax(1)
        measured = final.measured[name].accuracies  # type: ignore[index]
        assert measured.forget is not None and measured.retain is not None
        assert measured.forget.value == pytest.approx(100 * np.mean(predicted[labels == 1] == 1))
        assert measured.retain.value == pytest.approx(100 * np.mean((predicted == labels)[labels != 1]))
        assert (measured.n_forget, measured.n_retain) == (40, 120)


def test_retained_accuracy_forget_accuracy_and_confusion_agree(outcomes: list[Outcome]) -> None:
    for measured in outcomes[-1].measured.values():
        found = measured.accuracies
        assert found.forget is not None and found.retain is not None
        right = np.trace(measured.confusion)
        together = found.n_forget * found.forget.value + found.n_retain * found.retain.value
        assert together == pytest.approx(100 * right)
        assert measured.confusion.sum(1).tolist() == [40] * 4


def test_the_mask_control_has_forget_accuracy_0_and_never_answers_with_the_class(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        mask = outcome.measured["mask"]
        assert mask.accuracies.forget is not None and mask.accuracies.forget.value == 0
        assert (mask.confusion[:, 1] == 0).all()
        assert mask.exact == outcome.measured["before"].exact


def test_forgetting_this_way_does_forget(outcomes: list[Outcome]) -> None:
    before, after = (outcomes[-1].measured[name].accuracies.forget for name in ("before", "after"))
    assert before is not None and after is not None
    assert before.value > 80
    assert after.value < before.value - 10


@pytest.mark.parametrize("attenuation", ["floor", "scaled", "uniform"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("scope", ["all", "stage:2+4"])
def test_the_random_control_scales_as_many_channels_as_strongly_in_the_same_layers(
    model: TrainedModel, data: Dataset, attenuation: str, strength: float, scope: str
) -> None:
    fields = {"classes": (1,), "ratio": 0.25, "strength": strength, "attenuation": attenuation, "scope": scope}
    request = ForgetRequest.model_validate(fields)
    profile = load_or_measure(model, data, request).profile
    control = random_control(model, profile, request)
    reseeded = random_control(model, profile, request.model_copy(update={"seed": 7}))
    chosen = make_plan(profile, model.anatomy, request)
    assert control.touched_channels == chosen.touched_channels
    assert control.layers.keys() == chosen.layers.keys()
    for name, layer in chosen.layers.items():
        assert np.array_equal(layer.keep, control.layers[name].keep)
    if chosen.touched_channels:
        assert control.digest != chosen.digest
        assert control.digest != reseeded.digest
    assert control.digest == random_control(model, profile, request).digest


def test_a_plan_that_changes_nothing_is_the_model_before(model: TrainedModel, data: Dataset) -> None:
    final = last(forget(model, data, ForgetRequest(classes=(2,), ratio=0), membership=False))
    assert final.measured["after"].accuracies == final.measured["before"].accuracies
    assert final.touched_parameters == 0


@pytest.mark.parametrize(
    ("target", "per_channel"), [("conv", 36), ("bn", 2), ("conv_sync", 36 + 2)], ids=["conv", "bn", "conv_sync"]
)
def test_touched_parameters_are_counted(model: TrainedModel, data: Dataset, target: str, per_channel: int) -> None:
    edit = ChannelEdit(layer="layer1.0.conv1", channel=2, keep=0.5)
    request = ForgetRequest.model_validate({"classes": (1,), "ratio": 0, "target": target, "edits": (edit,)})
    first = next(forget(model, data, request))
    assert (first.plan.touched_channels, first.touched_parameters) == (1, per_channel)


def test_a_second_forgetting_reuses_what_is_known(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = last(forget(model, data, REQUEST, membership=False))
    monkeypatch.delattr(predictions.Runner, "logits")
    again = list(forget(model, data, REQUEST, membership=False))
    assert again[-1].measured["after"].accuracies == first.measured["after"].accuracies
    assert again[0].exact


def test_while_it_is_an_estimate_every_network_is_judged_on_the_same_images(
    model: TrainedModel, reference: TrainedModel, data: Dataset
) -> None:
    for known in (model, reference):
        original(known).complete(data["test"])
    first, *_, final = forget(model, data, REQUEST, reference, membership=False)
    rows = [measured.confusion.sum(1).tolist() for measured in first.measured.values()]
    assert rows == [rows[0]] * 4
    assert sum(rows[0]) == 50
    assert not any(measured.exact for measured in first.measured.values())
    assert all(measured.exact for measured in final.measured.values())


def test_the_floor_of_the_distance_comes_from_a_second_seed(
    model: TrainedModel, reference: TrainedModel, data: Dataset, home: Path
) -> None:
    twin = tiny_model(seed=6, forgets=(1,))
    folder = home / "records"
    for part, name in ((reference, "a"), (twin, "b"), (tiny_model(seed=7, forgets=(2,)), "c")):
        write_record(part, data["test"], original(part).complete(data["test"]), folder / f"{name}.safetensors")
    predictions.memo.cache_clear()
    final = last(forget(model, data, REQUEST, reference, membership=False))
    assert final.distance is not None and final.distance_floor is not None
    assert final.distance_floor.forget is not None and final.distance_floor.forget.n == 40
    assert final.distance_floor != final.distance


def test_damaged_records_cost_the_floor_and_nothing_else(
    model: TrainedModel, reference: TrainedModel, data: Dataset, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "records").mkdir(parents=True)
    (home / "records" / "junk.safetensors").write_bytes(b"junk")
    final = last(forget(model, data, REQUEST, reference, membership=False))
    assert final.complete
    assert final.distance is not None
    assert final.distance_floor is None
    assert "junk.safetensors" in caplog.text


def test_what_cannot_be_asked_is_refused_before_anything_is_computed(model: TrainedModel, data: Dataset) -> None:
    for fields, error in (
        ({"classes": (0, 1, 2, 3)}, RequestError),
        ({"classes": (4,)}, UnknownNameError),
        ({"scope": "stage:9"}, UnknownNameError),
        ({"scope": "layers:nose"}, UnknownNameError),
    ):
        with pytest.raises(error):
            next(forget(model, data, REQUEST.model_copy(update=fields)))


def test_a_reference_that_was_trained_otherwise_is_said(
    model: TrainedModel, reference: TrainedModel, data: Dataset
) -> None:
    card = reference.card.model_copy(update={"orthogonality": 0.5})
    other = last(forget(model, data, REQUEST, replace(reference, card=card), membership=False))
    assert any("was not trained as this one was: λ 0.5 in place of 0.001" in notice for notice in other.notices)
    alike = last(forget(model, data, REQUEST, reference, membership=False))
    assert not any("was not trained" in notice for notice in alike.notices)


def test_several_classes_can_be_forgotten_at_once(model: TrainedModel, data: Dataset) -> None:
    final = last(forget(model, data, REQUEST.model_copy(update={"classes": (1, 3)})))
    found = final.measured["after"].accuracies
    assert (found.n_forget, found.n_retain) == (80, 80)
    assert final.forgotten == "east and west"
    assert set(final.membership) == {"after", "before", "random", "mask"}


def test_notices_of_the_cache_reach_the_outcome(
    model: TrainedModel, data: Dataset, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file in the way")
    first = next(forget(model, data, REQUEST))
    assert len(first.notices) == 1
    assert "could not be cached" in first.notices[0]


def test_seeds_change_the_draw_and_nothing_is_random_besides(model: TrainedModel, data: Dataset) -> None:
    torch.manual_seed(1)
    one = last(forget(model, data, REQUEST))
    predictions.memo.cache_clear()
    torch.manual_seed(2)
    again = last(forget(model, data, REQUEST))
    assert again.plan.digest == one.plan.digest
    assert again.measured["after"].accuracies == one.measured["after"].accuracies
    assert again.measured["random"].accuracies == one.measured["random"].accuracies
    assert again.membership == one.membership


def test_the_random_control_may_stay_an_estimate_where_a_person_waits(
    model: TrainedModel, data: Dataset, reference: TrainedModel
) -> None:
    *_, last = forget(model, data, REQUEST, reference, membership=False, control_images=40)
    random, after = last.measured["random"], last.measured["after"]
    assert last.complete and after.exact and not random.exact
    seen = sum(part.n for part in random.accuracies.per_class if part)
    assert 40 <= seen < len(data["test"])
