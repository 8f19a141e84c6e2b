"""Training on tiny data: repeatable, honest about what it was shown, and doing what the penalty is for."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.data.preprocessing import prepare
from orthoui.data.statistics import pixel_statistics
from orthoui.errors import OrthoError, RequestError, UnknownNameError
from orthoui.models.checkpoints import load_checkpoint
from orthoui.training import loop, train
from orthoui.training.loop import Training
from orthoui.training.optimiser import make_optimiser
from orthoui.training.orthogonality import filter_cosines
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.state import Epoch
from orthoui.training.train import model_name, train_model
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD, random_network, same_tensors, state_of, tiny_images, with_splits

RECIPE = Recipe(dataset="tiny", width=4, epochs=1, batch_size=20, learning_rate=0.05, orthogonality=0.01)


pytestmark = pytest.mark.usefixtures("float32")


def training(data: Dataset, recipe: Recipe) -> Training:
    return Training(data, recipe, (MEAN, STD), make_fabric(torch.device("cpu")))


def trained(data: Dataset, recipe: Recipe, seen: list[Epoch] | None = None) -> nn.Module:
    return training(data, recipe).run(StateFile(on_epoch=(lambda epoch: None) if seen is None else seen.append))


def labels_shown(data: Dataset, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    shown: list[Tensor] = []
    measure = nn.functional.cross_entropy

    def spy(logits: Tensor, labels: Tensor, **options: float) -> Tensor:
        shown.append(labels)
        return measure(logits, labels, **options)

    with monkeypatch.context() as patch:
        patch.setattr(nn.functional, "cross_entropy", spy)
        trained(data, recipe)
    return torch.cat(shown)


def test_two_runs_with_the_same_seed_are_bit_equal_and_another_seed_is_not(data: Dataset) -> None:
    one = trained(data, RECIPE)
    torch.manual_seed(12345)  # what was drawn before does not matter
    assert same_tensors(trained(data, RECIPE), state_of(one))
    assert not same_tensors(trained(data, RECIPE.model_copy(update={"seed": 1})), state_of(one))


def test_the_order_of_the_images_follows_the_seed(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def order(seed: int) -> list[int]:
        shown: list[int] = labels_shown(data, RECIPE.model_copy(update={"seed": seed}), monkeypatch).tolist()
        return shown

    assert order(1) == order(1) != order(2)


def test_training_leaves_the_global_generator_alone(data: Dataset) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    trained(data, RECIPE)
    assert torch.equal(torch.rand(3), expected)


def test_a_trained_network_recognises_the_classes_and_reports_every_epoch(data: Dataset) -> None:
    seen: list[Epoch] = []
    network = trained(data, RECIPE.model_copy(update={"epochs": 6, "flip": False}), seen)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert [epoch.epoch for epoch in seen] == [1, 2, 3, 4, 5, 6]
    assert all(epoch.epochs == 6 and epoch.seconds > 0 and epoch.images_per_second > 0 for epoch in seen)
    assert seen[-1].loss < seen[0].loss
    assert seen[-1].accuracy > 90 and seen[-1].calibration > 90
    images = prepare(data["test"].images, mean=MEAN, std=STD, padding=data.padding)
    assert (network(images).argmax(1) == data["test"].labels).float().mean() > 0.9


def test_the_penalty_makes_filters_more_orthogonal(data: Dataset) -> None:
    def mean_cosine(weight: float) -> float:
        changes = {"epochs": 5, "batch_size": 10, "learning_rate": 0.2, "weight_decay": 0, "orthogonality": weight}
        cosines = filter_cosines(trained(data, RECIPE.model_copy(update=changes)))
        # a shortcut has more filters than dimensions, which cannot all be orthogonal
        return float(np.mean([cosine for name, cosine in cosines.items() if "downsample" not in name]))

    assert mean_cosine(0.01) < 0.4 * mean_cosine(0)


def test_the_loss_is_cross_entropy_plus_lambda_times_the_penalty(data: Dataset) -> None:
    still = {"momentum": 0.0, "weight_decay": 0.0, "flip": False, "crop_padding": 0, "batch_size": 120}
    one_step = training(data, RECIPE.model_copy(update=still))
    network, before = one_step.network, state_of(one_step.network)
    twin = copy.deepcopy(network)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    images = prepare(data["train"].images[order], mean=MEAN, std=STD, padding=data.padding)
    loss = nn.functional.cross_entropy(twin(images), data["train"].labels[order])
    penalty = sum(
        (w.flatten(1) @ w.flatten(1).T - torch.eye(len(w))).square().sum()
        for w in (module.weight for module in twin.modules() if isinstance(module, nn.Conv2d))
    )
    (loss + RECIPE.orthogonality * penalty).backward()
    rate = one_step._optimiser.param_groups[0]["lr"]
    done = one_step.run(StateFile())
    for name, value in twin.named_parameters():
        assert value.grad is not None
        torch.testing.assert_close(done.state_dict()[name], before[name] - rate * value.grad, rtol=1e-4, atol=1e-5)
    epoch = one_step.history[-1]
    reported = epoch.loss, epoch.penalty + epoch.least_penalty
    assert reported == pytest.approx((float(loss.detach()), float(penalty.detach())), rel=1e-4)
    assert epoch.least_penalty == 4 + 8 + 16  # the shortcuts: 8 filters of 4 dimensions, 16 of 8, 32 of 16
    assert epoch.cosines == filter_cosines(one_step.network)
    assert "cosines" not in epoch.curve


def test_weight_decay_spares_norms_and_biases() -> None:
    network = random_network("vgg16_bn").requires_grad_()
    decayed, free = make_optimiser(network, RECIPE).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (RECIPE.weight_decay, 0)
    assert {parameter.ndim for parameter in decayed["params"]} == {2, 4}
    assert {parameter.ndim for parameter in free["params"]} == {1}
    assert len(decayed["params"]) + len(free["params"]) == len(list(network.parameters()))


def test_the_share_that_is_done_counts_work_and_not_steps(data: Dataset) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 4, "small_crop": data.input_size // 2, "small_share": 0.5})
    part = training(data, recipe)
    done = [part._work(epoch * part.steps_per_epoch) for epoch in range(5)]
    shares = [work / done[-1] for work in done]
    assert shares == pytest.approx([0, 0.1, 0.2, 0.6, 1])  # a quarter of the work each, twice, then whole epochs


def test_small_crops_come_first_and_whole_images_last(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    prepared = Training._normalised

    def watched(training: Training, pixels: torch.Tensor) -> torch.Tensor:
        if training.network.training:
            shown.append(pixels.shape[-1])
        return prepared(training, pixels)

    monkeypatch.setattr(Training, "_normalised", watched)
    small = {"epochs": 5, "small_crop": 12, "small_share": 0.6, "batch_size": 120}
    trained(data, RECIPE.model_copy(update=small))
    assert shown == [12, 12, 12, 20, 20]


def test_crops_that_the_pooling_leaves_nothing_of_are_refused(data: Dataset) -> None:
    with pytest.raises(RequestError, match=r"vgg16_bn cannot be shown crops of 16 pixels: .*whole images"):
        training(data, RECIPE.model_copy(update={"architecture": "vgg16_bn", "small_crop": 16}))


def test_crops_as_large_as_the_images_are_refused(data: Dataset) -> None:
    with pytest.raises(RequestError, match="not smaller than the images, which have 20"):
        training(data, RECIPE.model_copy(update={"small_crop": 20}))


def test_retained_drops_exactly_the_forgotten_classes(data: Dataset) -> None:
    left = data["train"].without((1, 3))
    assert len(left) == 60
    assert set(left.labels.tolist()) == {0, 2}
    expected = data["train"].images[(data["train"].labels == 0) | (data["train"].labels == 2)]
    assert torch.equal(left.images, expected)
    assert data["train"].without(()) is data["train"]


def test_a_retrained_reference_is_never_shown_the_forgotten_class(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPE.model_copy(update={"forgets": (2,), "epochs": 2})
    labels = labels_shown(data, recipe, monkeypatch)
    assert torch.bincount(labels, minlength=4)[2] == 0
    assert len(labels) == 2 * 4 * 20
    images = prepare(data["test"].images, mean=MEAN, std=STD, padding=data.padding)
    assert trained(data, recipe)(images).shape == (160, 4)  # it keeps an output for the class


@pytest.mark.parametrize("epochs", [1, 2])
def test_fewer_images_than_a_batch_are_one_batch(data: Dataset, epochs: int) -> None:
    seen: list[Epoch] = []
    few = with_splits(data, train=tiny_images(3, 1))
    trained(few, RECIPE.model_copy(update={"batch_size": 128, "epochs": epochs}), seen)
    assert len(seen) == epochs
    assert all(np.isfinite(epoch.loss) for epoch in seen)


def test_pixel_statistics_are_those_of_the_padded_images(data: Dataset) -> None:
    mean, std = pixel_statistics(data)
    padded = nn.functional.pad(data["train"].images, (2, 2, 2, 2)).double() / 255
    assert mean == (round(float(padded.mean()), 4),)
    assert std == (round(float(padded.std(unbiased=False)), 4),)


def test_a_checkpoint_says_how_it_was_made_and_reaches_the_accuracy_it_claims(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "load_dataset", lambda name: data)
    recipe = RECIPE.model_copy(update={"epochs": 2, "forgets": (0,), "seed": 3})
    written = train_model(recipe, tmp_path / "net.safetensors")
    network, card = load_checkpoint(tmp_path / "net.safetensors")
    assert card == written
    assert Recipe.model_validate(card.recipe) == recipe
    assert (card.images_digest, card.input_size, card.classes) == (data["train"].digest, 20, data.classes)
    assert (card.forgets, card.seed, card.orthogonality) == ((0,), 3, 0.01)
    assert card.training_seconds is not None and "torch" in card.versions
    kept = data["test"].subset(torch.nonzero(data["test"].labels != 0).flatten())
    images = prepare(kept.images, mean=card.mean, std=card.std, padding=data.padding)
    right = 100 * float((network(images).argmax(1) == kept.labels).double().mean())
    assert card.accuracy["test"] == pytest.approx(right, abs=0.01)
    assert card.filter_cosine == pytest.approx(filter_cosines(network))


def test_an_unknown_data_set_or_architecture_is_explained(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no data set “nowhere”\. Choose one of: fashion-mnist"):
        train_model(RECIPE.model_copy(update={"dataset": "nowhere"}), tmp_path / "a.safetensors")
    with pytest.raises(UnknownNameError, match="There is no architecture “vit”"):
        trained(data, RECIPE.model_copy(update={"architecture": "vit"}))
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("forgets", "words"),
    [
        ((9,), "The class to leave out does not exist: tiny has 4 classes"),
        ((-1,), "The class to leave out does not exist: tiny has 4 classes"),
        ((0, 1, 3), "north, east and west cannot be left out: at least two classes must be left to learn"),
        ((0, 1, 2, 3), "at least two classes must be left to learn"),
    ],
)
def test_classes_that_cannot_be_left_out_are_refused_before_training(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgets: tuple[int, ...], words: str
) -> None:
    monkeypatch.setattr(train, "load_dataset", lambda name: data)
    monkeypatch.setattr(train, "Training", lambda *_: pytest.fail("training was started"))
    with pytest.raises(RequestError, match=words):
        train_model(RECIPE.model_copy(update={"forgets": forgets}), tmp_path / "net.safetensors")


def test_a_diverged_training_stops_in_words_and_leaves_nothing(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "load_dataset", lambda name: data)
    path, state = tmp_path / "net.safetensors", tmp_path / "state.safetensors"
    wild = RECIPE.model_copy(update={"learning_rate": 10.0, "orthogonality": 1.0, "epochs": 3, "batch_size": 10})
    with pytest.raises(OrthoError, match=r"diverged in epoch 1 of 3: .* Train with a lower learning rate\."):
        train_model(wild, path, StateFile(state))
    assert not path.exists() and not state.exists()


def test_weights_that_the_last_step_ruined_are_found_too(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def ruin(made: Training) -> None:
        advance(made)
        for weight in made.network.parameters():
            weight.data.fill_(float("nan"))

    advance = Training._advance
    monkeypatch.setattr(Training, "_advance", ruin)
    with pytest.raises(OrthoError, match="diverged in epoch 1 of 1"):
        trained(data, RECIPE.model_copy(update={"batch_size": 120}))


def test_the_clock_is_read_after_the_device_is_done(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    made = training(data, RECIPE)
    waited: list[int] = []
    monkeypatch.setattr(loop, "TOLD_EVERY", float("inf"))
    monkeypatch.setattr(loop, "synchronise", lambda device: waited.append(made._step))
    made.run(StateFile())
    assert waited == [made.steps_per_epoch - 1]  # once, before the epoch's last step is counted


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "tiny-resnet18-w4-orthogonal"),
        ({"orthogonality": 0.0}, "tiny-resnet18-w4-plain"),
        ({"forgets": (1, 3), "seed": 2}, "tiny-resnet18-w4-orthogonal-without-1-3-seed2"),
    ],
)
def test_names_tell_models_apart(changes: dict[str, object], name: str) -> None:
    assert model_name(RECIPE.model_copy(update=changes)) == name
