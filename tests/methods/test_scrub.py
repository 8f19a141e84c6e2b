"""SCRUB and its rewinding."""

import pytest
import torch

from orthoui.data import Dataset
from orthoui.methods import METHODS, unlearn
from orthoui.methods.scrub import ScrubRequest, alternate, closest, departure, rewind
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, parameters_of, work_on
from tests.tiny import same_tensors, state_of, with_splits

SCRUB, SCRUB_R = METHODS["scrub"], METHODS["scrub-r"]


def asked(**fields: object) -> ScrubRequest:
    return ScrubRequest.model_validate({"classes": (1,), "batch_size": 30, "forget_batch_size": 10, **fields})


def everything(work: object, images: object) -> object:
    """All images of a set as one batch."""
    return work.batch(images, torch.arange(len(images)))  # type: ignore[attr-defined, arg-type]


def test_a_learning_rate_of_zero_changes_no_weight(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(SCRUB, model, data, asked(learning_rate=0))
    assert equal(done.network.parameters(), parameters_of(model.network))
    assert not equal(done.network.buffers(), buffers_of(model.network))
    still = unlearn(SCRUB, model, data, asked(learning_rate=0, bn_mode="eval"))
    assert same_tensors(still.network, state_of(model.network))


@pytest.mark.parametrize("name", ["scrub", "scrub-r"])
def test_the_teacher_is_unchanged(model: TrainedModel, data: Dataset, name: str) -> None:
    before = state_of(model.network)
    unlearn(METHODS[name], model, data, METHODS[name].request(classes=(1,), batch_size=30))
    assert same_tensors(model.network, before) and not model.network.training


def test_the_distance_and_its_gradient_vanish_at_the_original(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, asked())
    student, batch = work.student().eval(), everything(work, work.forget)
    loss = departure(work, work.logits(student, batch.inputs), batch, 4)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-5)
    assert max(float(part.grad.abs().max()) for part in student.parameters()) < 1e-4
    moving = departure(work, work.logits(student.train(), batch.inputs), batch, 4)
    assert float(moving.detach()) > 1e-3  # batch norms in training mode are what lets the first step move


def test_the_distance_is_the_published_one(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, asked())
    batch = everything(work, work.forget)
    logits = torch.randn(len(batch), 4)
    taught = (work.logits(model.network, batch.inputs) / 2).softmax(1)
    by_hand = 4 * (taught * (taught.log() - (logits / 2).log_softmax(1))).sum(1).mean()
    torch.testing.assert_close(departure(work, logits, batch, 2), by_hand)


def test_after_the_ascent_the_student_is_away_on_the_class(model: TrainedModel, data: Dataset) -> None:
    request = asked(epochs=1, ascent_epochs=1, label_weight=0, distillation_weight=0, learning_rate=0.01)
    work = work_on(model, data, request)
    student, batch = work.student(), everything(work, work.forget)
    list(alternate(work, student, request))
    with torch.no_grad():
        assert float(departure(work, work.logits(student.eval(), batch.inputs), batch, 4)) > 0.01


def test_the_last_epochs_only_descend(model: TrainedModel, data: Dataset) -> None:
    losses: list[float] = []
    watch = Watch(progress=lambda step, steps, loss: losses.append(float(loss or 0)))
    unlearn(SCRUB, model, data, asked(), watch)
    assert len(losses) == 2 * (3 + 3) + 3
    assert [loss < 0 for loss in losses] == [*[True] * 3, *[False] * 3] * 2 + [False] * 3


def rates_of(model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch, **fields: object) -> list[float]:
    """The learning rate of the last step of every epoch."""
    request = asked(ascent_epochs=0, batch_size=90, **fields)
    work, rates = work_on(model, data, request), []

    def step(loss: torch.Tensor, optimiser: torch.optim.Optimizer, images: int) -> None:
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()

    monkeypatch.setattr(work, "step", step)
    list(alternate(work, work.student(), request))
    return rates


def test_the_rate_falls_after_the_third_the_fifth_and_the_ninth_epoch(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [1] * 3 + [0.1] * 2 + [0.01] * 4 + [0.001]
    found = rates_of(model, data, monkeypatch, epochs=10)
    assert found == pytest.approx([5e-4 * part for part in expected])
    assert rates_of(model, data, monkeypatch, epochs=5, rate_drops=False) == pytest.approx([5e-4] * 5)


def test_rewinding_returns_to_the_epoch_whose_error_fits(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, asked())
    student, checkpoints, errors = work.student(), [], []
    for bias in (-200, -4, 0, -6, -2):  # how readily class 1 is recognised
        student.load_state_dict(model.network.state_dict())
        with torch.no_grad():
            student.fc.bias[1] += bias
        checkpoints.append(state_of(student))
        errors.append(work.error(student, work.forget))
    target = work.error(student, work.held_out.subset(work.held_out.of_class(1)))
    rewind(work, student, checkpoints)
    assert len(set(errors)) > 2
    assert abs(work.error(student, work.forget) - target) == min(abs(wrong - target) for wrong in errors)
    assert "Rewound to epoch" in work.notes[0]


def test_the_closest_error_wins_and_the_later_of_two() -> None:
    assert closest([0.1, 0.4, 0.9], 0.5) == 1
    assert closest([0.2, 0.4, 0.4], 0.4) == 2


def test_without_held_out_images_of_the_class_it_says_that_it_did_not_rewind(
    model: TrainedModel, data: Dataset
) -> None:
    bare = with_splits(data, calibration=data["calibration"].without((1,)))
    done = unlearn(SCRUB_R, model, bare, SCRUB_R.request(classes=(1,), batch_size=30))
    assert done.notes[-1] == "Not rewound: there are no held-out images of the class to compare with."


def test_scrub_r_is_scrub_with_the_field_set(model: TrainedModel, data: Dataset) -> None:
    one = unlearn(SCRUB_R, model, data, SCRUB_R.request(classes=(1,), batch_size=30))
    two = unlearn(SCRUB, model, data, ScrubRequest(classes=(1,), batch_size=30, rewind=True))
    assert same_tensors(one.network, state_of(two.network)) and one.notes == two.notes
    assert "held-out images" in SCRUB_R.needs
