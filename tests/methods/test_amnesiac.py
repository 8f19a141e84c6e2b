"""Amnesiac unlearning: its card's checks, and what the log holds."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from orthoui.errors import RequestError
from orthoui.methods import METHODS, Unlearned, unlearn
from orthoui.models.architectures import build
from orthoui.models.checkpoints import load_checkpoint
from orthoui.models.trained import TrainedModel, resident
from orthoui.training.parallel import make_fabric
from orthoui.training.reports import Step
from orthoui.training.schemes import train as training
from orthoui.training.schemes.amnesiac import LOG, LoggedTraining
from orthoui.training.schemes.options import AmnesiacScheme
from orthoui.training.schemes.preparation import preparation_of
from orthoui.training.watching import StateFile
from tests.methods.conftest import RECIPE
from tests.methods.spying import DATA, same_buffers
from tests.tiny import MEAN, STD, same_tensors, state_of

Prepared = Callable[[str], TrainedModel]


def subtracted(model: TrainedModel, *classes: int, **fields: object) -> Unlearned:
    request = METHODS["amnesiac"].request.model_validate({"classes": classes, "epochs": 0, **fields})
    return unlearn(METHODS["amnesiac"], model, DATA, request)


@pytest.fixture
def train(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainedModel]:
    """Return a function that trains with a log, after a recipe with some fields changed."""
    monkeypatch.setattr(training, "load_dataset", lambda name: DATA)

    def trained(
        scheme: AmnesiacScheme | None = None, watcher: StateFile | None = None, **fields: object
    ) -> TrainedModel:
        path = home / "models" / "own.safetensors"
        recipe = RECIPE.model_copy(update=fields)
        training.train_with_scheme(scheme or AmnesiacScheme(), recipe, path, watcher)
        network, card = load_checkpoint(path)
        return resident("own", card, network, torch.device("cpu"))

    return trained


def fresh(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build("resnet18", 4, 4)


def close(one: nn.Module, two: nn.Module) -> bool:
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    return all(torch.allclose(first, second, rtol=1e-5, atol=1e-6) for first, second in pairs)


def test_one_step_without_momentum_is_taken_back_to_float_rounding(train: Callable[..., TrainedModel]) -> None:
    model = train(epochs=1, momentum=0.0, batch_size=120)
    assert not close(model.network, fresh())
    assert close(subtracted(model, 1).network, fresh())


def test_an_empty_log_is_the_identity(train: Callable[..., TrainedModel]) -> None:
    model = train(epochs=1, forgets=(1,))
    assert same_tensors(subtracted(model, 1).network, state_of(model.network))


def test_statistics_are_not_subtracted_and_repair_moves_them(prepared: Prepared) -> None:
    model = prepared("amnesiac")
    assert same_buffers(subtracted(model, 1).network, model.network)
    assert not close(subtracted(model, 1).network, model.network)
    assert not same_buffers(subtracted(model, 1, epochs=1).network, model.network)


def test_of_pure_batches_all_classes_together_are_the_whole_training(prepared: Prepared) -> None:
    model = prepared("amnesiac")
    kept = preparation_of(model, "amnesiac")
    assert kept is not None and kept.about.steps == (4, 4, 4, 4)
    log = kept.tensors(LOG)
    start = dict(fresh().named_parameters())
    for name, parameter in model.network.named_parameters():
        moved = sum(log[f"{label}.{name}"] for label in range(4))
        assert torch.allclose(start[name] + moved, parameter, atol=1e-5)


def test_several_classes_of_pure_batches_are_taken_back_together(prepared: Prepared) -> None:
    model = prepared("amnesiac")
    both, one, other = (subtracted(model, *classes).network for classes in ((1, 2), (1,), (2,)))
    for name, parameter in model.network.named_parameters():
        expected = one.get_parameter(name) + other.get_parameter(name) - parameter
        assert torch.allclose(both.get_parameter(name), expected, atol=1e-5)


def test_classes_of_mixed_batches_are_refused_together(train: Callable[..., TrainedModel]) -> None:
    model = train()
    with pytest.raises(RequestError, match="2 classes cannot be forgotten together"):
        subtracted(model, 1, 2)
    assert "of 12 logged training steps" in subtracted(model, 1).notes[0]
    method = METHODS["amnesiac"]
    assert method.obstacle(model, (1,)) is None
    assert "2 classes cannot be forgotten together" in str(method.obstacle(model, (1, 2)))


def test_the_log_takes_one_copy_of_the_weights_per_class(home: Path, prepared: Prepared) -> None:
    model = prepared("amnesiac")
    weights = sum(part.numel() for part in model.network.parameters())
    size = (home / "models" / "amnesiac.amnesiac" / LOG).stat().st_size
    promised = AmnesiacScheme().disk_bytes(weights, 4)
    assert promised <= size < promised + 50_000


def test_a_pure_epoch_shows_every_image_in_batches_of_one_class() -> None:
    recipe, scheme = RECIPE.model_copy(update={"batch_size": 25}), AmnesiacScheme(log_batches="pure")
    made = LoggedTraining(DATA, recipe, (MEAN, STD), make_fabric(torch.device("cpu")), scheme)
    order = made._new_order().view(-1, 25)
    assert made.steps_per_epoch == len(order) == 8
    labels = DATA["train"].labels[order]
    assert (labels == labels[:, :1]).all()
    assert order.unique().tolist() == list(range(120))


def test_an_interrupted_training_goes_on_to_the_same_weights_and_log(
    train: Callable[..., TrainedModel], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train()
    log = (home / "models" / "own.amnesiac" / LOG).read_bytes()
    monkeypatch.setattr("orthoui.training.loop.TOLD_EVERY", 0)

    def stop(step: Step) -> None:
        if step.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(watcher=StateFile(tmp_path / "state", on_step=stop, every=0))
    again = train(watcher=StateFile(tmp_path / "state"))
    assert same_tensors(again.network, state_of(whole.network))
    assert (home / "models" / "own.amnesiac" / LOG).read_bytes() == log
    assert not (tmp_path / "state").exists()


def test_another_models_log_is_not_used(home: Path, prepared: Prepared, model: TrainedModel) -> None:
    prepared("amnesiac")
    (home / "models" / "amnesiac.amnesiac").rename(home / "models" / f"{model.name}.amnesiac")
    assert preparation_of(model, "amnesiac") is None
    (home / "models" / f"{model.name}.amnesiac" / "about.json").write_text("{")
    assert preparation_of(model, "amnesiac") is None
