"""Discriminative adversarial unlearning: the game between attacker and model."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.discriminative_adversarial import (
    DiscriminativeRequest,
    Game,
    attack_features,
    attacker_step,
    barlow_twins,
    defence,
    make_game,
    paired,
)
from orthoui.methods.work import Work
from orthoui.models.trained import TrainedModel
from tests.methods.working import logits_of, request, work_of
from tests.tiny import same_tensors, state_of, tiny_images, with_splits, without_augmentation

NAME = "discriminative-adversarial"
GAME = METHODS[NAME]


def made(model: TrainedModel, data: Dataset, **fields: object) -> tuple[Work, DiscriminativeRequest, Game]:
    work = work_of(model, data, request(NAME, **fields))
    asked = work.asked(DiscriminativeRequest)
    torch.manual_seed(0)
    return work, asked, make_game(work, asked)


def attacker_accuracy(network: nn.Module, original: nn.Module) -> float:
    """A fresh attacker learns from images of the class that nobody saw and is judged on other such images.

    It compares what ``network`` answers with what ``original`` does when the class is switched off.
    """
    forgotten, unseen = (tiny_images(200, seed).only((1,)) for seed in (8, 9))
    switched_off = logits_of(original, unseen).index_fill(1, torch.tensor([1]), -torch.inf)
    logits = (logits_of(network, forgotten), switched_off)
    features = [
        attack_features(part, images.labels) for part, images in zip(logits, (forgotten, unseen), strict=True)
    ]
    torch.manual_seed(0)
    attacker = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 1))
    optimiser = torch.optim.Adam(attacker.parameters(), lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        seen, new = (attacker(part[::2]) for part in features)
        (-F.logsigmoid(seen).mean() - F.logsigmoid(-new).mean()).backward()
        optimiser.step()
    with torch.no_grad():
        seen, new = (attacker(part[1::2]) for part in features)
    return float(((seen > 0).float().mean() + (new < 0).float().mean()) / 2)


def test_without_weights_it_equals_fine_tuning(model: TrainedModel, data: Dataset) -> None:
    shared = {"classes": (1,), "epochs": 2, "batch_size": 32, "learning_rate": 0.01}
    tuned = METHODS["fine-tune"].request.model_validate({**shared, "schedule": "constant"})
    alone = unlearn(GAME, model, data, request(NAME, adversarial=0, alignment=0, **shared)).network
    assert same_tensors(alone, state_of(unlearn(METHODS["fine-tune"], model, data, tuned).network))


def test_the_game_leaves_batch_norms_to_the_retained_images(model: TrainedModel, data: Dataset) -> None:
    """At a learning rate of zero the buffers are those of fine-tuning: the class's passes did not move them."""
    shared = {"classes": (1,), "epochs": 1, "batch_size": 32, "learning_rate": 0.0, "weight_decay": 0.0}
    tuned = METHODS["fine-tune"].request.model_validate(shared)
    alone = unlearn(GAME, model, data, request(NAME, **shared)).network
    assert same_tensors(alone, state_of(unlearn(METHODS["fine-tune"], model, data, tuned).network))


def test_the_attackers_step_does_not_touch_the_model(model: TrainedModel, data: Dataset) -> None:
    for reference in ("without", "held-out", "retained"):
        work, asked, game = made(model, data, reference=reference)
        student = work.student().eval()
        before, attacker = state_of(student), state_of(game.attacker)
        attacker_step(work, game, student, *paired(work, game, 16), asked)
        assert same_tensors(student, before)
        assert all(part.grad is None for part in student.parameters())
        assert not same_tensors(game.attacker, attacker)


@pytest.mark.parametrize("reference", ["without", "held-out", "retained"])
def test_gradients_reach_the_model_through_the_features(model: TrainedModel, data: Dataset, reference: str) -> None:
    work, asked, game = made(model, data, reference=reference, alignment=0)
    student = work.student().eval()
    loss = defence(work, game, student, *paired(work, game, 16), asked)
    slopes = torch.autograd.grad(loss, list(student.parameters()))
    assert all(torch.isfinite(part).all() for part in slopes)
    assert sum(float(part.abs().sum()) for part in slopes) > 0
    assert not any(module._forward_hooks for module in student.modules())


def test_features_are_the_sorted_posterior_the_true_probability_and_the_loss() -> None:
    logits, labels = torch.tensor([[0.0, 2.0, 1.0], [-torch.inf, 0.0, 0.0]]), torch.tensor([2, 0])
    features = attack_features(logits, labels)
    posterior = logits.softmax(1)
    assert torch.allclose(features[0, :3], posterior[0, [1, 2, 0]])
    assert features[0, 3] == posterior[0, 2]
    assert features[0, 4] == pytest.approx(-posterior[0, 2].log().item())
    assert features[1].tolist() == pytest.approx([0.5, 0.5, 0, 0, 9.2103], abs=1e-3)


def test_barlow_twins_is_zero_for_equal_uncorrelated_features() -> None:
    one = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert barlow_twins(one, one) == pytest.approx(0, abs=1e-4)
    assert barlow_twins(one, -one) == pytest.approx(8, abs=1e-3)
    crossed = barlow_twins(one, one.flip(1))
    assert crossed == pytest.approx(2 + 2 * 5e-3, abs=1e-3)
    assert torch.isfinite(barlow_twins(one, torch.zeros_like(one)))


def test_the_attackers_accuracy_approaches_a_half_on_held_out_pairs(model: TrainedModel, data: Dataset) -> None:
    """From certainty to at most 0.7, and because of the game: without it training on the rest leaves it at 0.85."""
    started = without_augmentation(model)
    small = {"epochs": 20, "batch_size": 32, "learning_rate": 3e-3, "momentum": 0, "schedule": "cosine"}

    def played(adversarial: float) -> nn.Module:
        fields = {"adversarial": adversarial, "alignment": 0, "attacker_rate": 3e-2, "bn_mode": "eval", **small}
        return unlearn(GAME, started, data, request(NAME, **fields)).network

    with_game, without = (attacker_accuracy(played(weight), model.network) for weight in (0.1, 0.0))
    assert attacker_accuracy(model.network, model.network) >= 0.98
    assert abs(with_game - 0.5) <= 0.2 and without >= 0.85


@pytest.mark.parametrize("seed", range(3))
def test_a_class_that_passes_for_unseen_is_forgotten(model: TrainedModel, data: Dataset, seed: int) -> None:
    asked = request(NAME, epochs=20, batch_size=32, learning_rate=1e-3, seed=seed)
    network = unlearn(GAME, without_augmentation(model), data, asked).network
    test = data["test"]
    answers = logits_of(network, test).argmax(1)
    assert (answers[test.labels == 1] == 1).float().mean() <= 0.05
    assert (answers == test.labels)[test.labels != 1].float().mean() >= 0.9


def test_it_says_which_unseen_images_it_compared_with(model: TrainedModel, data: Dataset) -> None:
    def note(images: Dataset, **fields: object) -> str:
        return unlearn(GAME, model, images, request(NAME, epochs=0, **fields)).notes[0]

    assert note(data) == "The attacker compares with 20 held-out images of the forgotten class."
    assert "60 held-out images of other classes" in note(data, reference="retained")
    without = with_splits(data, calibration=data["calibration"].without((1,)))
    assert "60 held-out images of other classes" in note(without)


def test_a_network_without_a_linear_head_is_refused_in_words(model: TrainedModel, data: Dataset) -> None:
    headless = replace(model, anatomy=replace(model.anatomy, head=None))
    with pytest.raises(RequestError, match=r"tiny-0 does not end in one\. Choose another method or model\."):
        unlearn(GAME, headless, data, request(NAME))
