"""One network measured like every other: its parts are told, and it stops soon when it is asked to."""

import pytest

from orthoui.data import Dataset
from orthoui.errors import CancelledError
from orthoui.evaluation import comparison, predictions
from orthoui.evaluation.comparison import Scope, against_reference, compare, parts
from orthoui.evaluation.relearning import RelearnSettings
from orthoui.evaluation.variants import original
from orthoui.models.trained import TrainedModel

EVERYTHING = Scope(RelearnSettings(most_steps=1, seeds=1), similarity=True)


@pytest.mark.parametrize("scope", [EVERYTHING, Scope(None, similarity=False)])
def test_as_many_parts_are_told_as_are_announced(
    model: TrainedModel, data: Dataset, reference: TrainedModel, scope: Scope
) -> None:
    told: list[str] = []
    compare(model.network, model, data, (1,), reference, scope, told=told.append)
    assert len(told) == parts(scope) and told[2] == "membership inference"


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_CHUNK", "CHUNK"):
        monkeypatch.setattr(predictions, name, 5)


class Looker:
    """Hears which part begins, is asked whether to stop, and says so once ``part`` has begun, counted from 0."""

    def __init__(self, part: int) -> None:
        self.told: list[str] = []
        self.asked: list[str] = []
        self._part = part

    def cancelled(self) -> bool:
        self.asked.append(self.told[-1])
        return len(self.told) > self._part


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("part", range(parts(EVERYTHING)))
def test_every_part_stops_between_its_chunks(
    model: TrainedModel, data: Dataset, reference: TrainedModel, part: int
) -> None:
    look = Looker(part)
    with pytest.raises(CancelledError):
        compare(
            model.network, model, data, (1,), reference, EVERYTHING, told=look.told.append, cancelled=look.cancelled
        )
    assert len(look.told) == part + 1  # the part itself stops, not the next one
    assert look.asked.count(look.told[-1]) == 1  # at the first question


@pytest.mark.usefixtures("small_chunks")
def test_a_test_pass_is_asked_once_a_chunk(model: TrainedModel, data: Dataset) -> None:
    look = Looker(parts(EVERYTHING))
    compare(model.network, model, data, (1,), None, EVERYTHING, told=look.told.append, cancelled=look.cancelled)
    assert look.asked.count("accuracy on test images") == -(-len(data["test"]) // 5)
    assert look.asked.count("layer similarity") == 2  # forgotten and retained images


def test_what_is_measured_against_a_reference_later_is_what_would_have_been_measured_at_once(
    model: TrainedModel, data: Dataset, reference: TrainedModel
) -> None:
    at_once = compare(model.network, model, data, (1,), reference)
    later = against_reference(model.network, model, data, (1,), reference)
    assert later.distance is not None and later.similarity_retrained is not None
    assert (later.distance, later.similarity_retrained) == (at_once.distance, at_once.similarity_retrained)
    assert later.distance_retain == at_once.distance_retain is not None
    without = against_reference(model.network, model, data, (1,), reference, similarity=False)
    assert without.distance == later.distance and without.similarity_retrained is None
    with pytest.raises(CancelledError):
        against_reference(model.network, model, data, (1,), reference, cancelled=lambda: True)


def test_the_floor_is_the_distance_of_two_retrained_networks_of_different_seeds(
    model: TrainedModel, data: Dataset, reference: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compare(model.network, model, data, (1,), reference).distance_floor is None
    twin = original(model).complete(data["test"])
    monkeypatch.setattr(comparison, "recorded_twin", lambda reference, images: twin)
    found = compare(reference.network, model, data, (1,), reference)
    own = compare(model.network, model, data, (1,), reference)
    assert found.distance is not None and found.distance.mean == pytest.approx(0, abs=1e-6)
    assert found.distance_floor is not None and own.distance is not None
    assert found.distance_floor.mean == pytest.approx(own.distance.mean, rel=1e-3)
