"""Boundary Shrink: the attack in pixel space, and what becomes of images it does not move."""

from dataclasses import replace

import pytest
import torch

from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.boundary_shrink import attack, nearest_classes, pixel_scale
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.working import logits_of, request, work_of
from tests.tiny import same_tensors, state_of, tiny_model, with_splits

SHRINK = METHODS["boundary-shrink"]


def test_without_a_step_the_targets_are_the_models_answers(model: TrainedModel, data: Dataset) -> None:
    asked = request("boundary-shrink", epsilon=0, compat=True)
    work = work_of(model, data, asked)
    answers = logits_of(model.network, work.forget).argmax(1)
    assert torch.equal(nearest_classes(work, model.network, asked), answers)


@pytest.mark.parametrize("epsilon", [0.0, 0.02, 0.1])
def test_the_attack_stays_within_its_step_in_pixels(model: TrainedModel, data: Dataset, epsilon: float) -> None:
    work = work_of(model, data, request("boundary-shrink"))
    batch = next(work.batches(work.forget, 64, shuffle=False))
    mean, std = pixel_scale(work)
    before, after = (part * std + mean for part in (batch.inputs, attack(work, model.network, batch, epsilon)))
    assert (after - before).abs().max() <= epsilon + 1 / 255 + 1e-5
    assert after.min() >= -1e-5 and after.max() <= 1 + 1e-5
    assert torch.allclose(after * 255, (after * 255).round(), atol=1e-3)
    assert torch.allclose(after, after[:, :1].expand_as(after), atol=1e-6)  # grey stays grey


def test_the_step_in_inputs_is_divided_by_each_channels_deviation(model: TrainedModel, data: Dataset) -> None:
    coloured = replace(model, card=model.card.model_copy(update={"mean": (0.4, 0.5, 0.45), "std": (0.2, 0.25, 0.5)}))
    train = data["train"]
    pictures = with_splits(data, train=ImageSet(train.images.expand(-1, 3, -1, -1).contiguous(), train.labels))
    work = work_of(coloured, pictures, request("boundary-shrink"))
    batch = next(work.batches(work.forget, 8, shuffle=False))
    inner = replace(batch, inputs=torch.zeros_like(batch.inputs))  # pixels at the mean, far from both ends
    step = attack(work, model.network, inner, 0.1).abs()
    for channel, deviation in enumerate(coloured.card.std):
        assert step[:, channel].max() == pytest.approx(0.1 / deviation, abs=0.5 / 255 / deviation + 1e-4)


def test_the_attack_raises_the_loss(model: TrainedModel, data: Dataset) -> None:
    work = work_of(model, data, request("boundary-shrink"))
    batch = next(work.batches(work.forget, 64, shuffle=False))
    attacked = attack(work, model.network, batch, 0.1)
    loss = [torch.nn.functional.cross_entropy(model.network(part), batch.labels) for part in (batch.inputs, attacked)]
    assert loss[1] > loss[0]


def test_images_whose_attack_fails_are_left_out_and_counted(model: TrainedModel, data: Dataset) -> None:
    asked = request("boundary-shrink", epsilon=0)
    work = work_of(model, data, asked)
    answers = logits_of(model.network, work.forget).argmax(1)
    targets = nearest_classes(work, model.network, asked)
    assert torch.equal(targets, torch.where(answers == 1, -1, answers))
    right = int((answers == 1).sum())
    assert right
    assert (
        f"left {right} of 30 images in the class; they were not used" in unlearn(SHRINK, model, data, asked).notes[0]
    )


def test_a_failed_attack_can_take_the_runner_up(model: TrainedModel, data: Dataset) -> None:
    asked = request("boundary-shrink", epsilon=0, failed="runner-up")
    work = work_of(model, data, asked)
    logits = logits_of(model.network, work.forget)
    logits[:, 1] = -torch.inf
    assert torch.equal(nearest_classes(work, model.network, asked), logits.argmax(1))


def test_another_forgotten_class_is_no_target(model: TrainedModel, data: Dataset) -> None:
    asked = request("boundary-shrink", classes=(1, 2), epsilon=0.3, failed="runner-up")
    targets = nearest_classes(work_of(model, data, asked), model.network, asked)
    assert set(targets.tolist()) <= {0, 3}


def test_as_published_failed_attacks_stay_and_the_third_mean_is_wrong(data: Dataset) -> None:
    coloured = tiny_model(mean=(0.5, 0.5, 0.4465), std=(0.2, 0.2, 0.2))
    work = work_of(coloured, data, request("boundary-shrink"))
    assert pixel_scale(work, published=True)[0].flatten().tolist() == pytest.approx([0.5, 0.5, 0.2265])
    assert pixel_scale(work)[0].flatten().tolist() == pytest.approx([0.5, 0.5, 0.4465])


def test_batch_norms_stay_unless_asked_or_as_published(model: TrainedModel, data: Dataset) -> None:
    def statistics(**fields: object) -> bool:
        network = unlearn(SHRINK, model, data, request("boundary-shrink", epsilon=0.3, epochs=1, **fields)).network
        pairs = zip(network.buffers(), model.network.buffers(), strict=True)
        return all(torch.equal(new, old) for new, old in pairs)

    assert statistics()
    assert not statistics(bn_mode="train")
    assert not statistics(compat=True)


def test_zero_epochs_change_nothing_and_a_larger_rate_forgets(model: TrainedModel, data: Dataset) -> None:
    before = state_of(model.network)
    assert same_tensors(unlearn(SHRINK, model, data, request("boundary-shrink", epochs=0)).network, before)
    asked = request("boundary-shrink", epsilon=0.5, failed="runner-up", learning_rate=1e-3, epochs=15)
    network = unlearn(SHRINK, model, data, asked).network
    of_class = data["test"].subset(torch.nonzero(data["test"].labels == 1).flatten())
    assert (logits_of(network, of_class).argmax(1) == 1).float().mean() <= 0.1


def test_the_attack_can_be_cancelled(model: TrainedModel, data: Dataset) -> None:
    with pytest.raises(CancelledError):
        unlearn(SHRINK, model, data, request("boundary-shrink", epochs=0), Watch(cancelled=lambda: True))
