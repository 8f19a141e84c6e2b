"""What holds for every registered method: the door, the request, and that nobody else's model is touched."""

import gc
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import CancelledError, RequestError
from orthoui.methods import METHODS, Method, unlearn
from orthoui.methods.optimise import OptimiserRequest
from orthoui.methods.work import Watch, Work
from orthoui.models.trained import TrainedModel
from orthoui.training.command import command_of, recipe_of
from tests.methods.working import quick
from tests.tiny import same_tensors, state_of

NAMES = sorted(METHODS)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_runs_leaves_the_model_alone_and_repeats_by_its_seed(
    fitting: Callable[[Method], TrainedModel], data: Dataset, name: str
) -> None:
    method = METHODS[name]
    model = fitting(method)
    before, hooks = state_of(model.network), sum(len(part._forward_hooks) for part in model.network.modules())
    one, two = (unlearn(method, model, data, quick(method)) for _ in range(2))
    assert same_tensors(model.network, before)
    assert sum(len(part._forward_hooks) for part in model.network.modules()) == hooks
    assert same_tensors(one.network, state_of(two.network))
    assert not one.network.training
    assert not any(parameter.requires_grad for parameter in one.network.parameters())
    assert not any(part._forward_hooks or part._backward_hooks for part in one.network.modules())
    assert sum(one.seconds.values()) > 0
    logits = one.network(model.prepare(data["test"].images))
    assert logits.shape == (len(data["test"]), len(data.classes))


def test_weights_that_are_no_numbers_are_refused_with_what_to_change(model: TrainedModel, data: Dataset) -> None:
    def diverged(work: Work) -> nn.Module:
        student = work.student()
        with torch.no_grad():
            next(student.parameters())[0] = torch.nan
        return student

    method = replace(METHODS["fine-tune"], run=diverged)
    with pytest.raises(RequestError, match=r"Fine-tune came to weights that are not finite.*lower learning rate"):
        unlearn(method, model, data, quick(method))


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_a_request_has_a_title_a_description_and_a_default_within_bounds(name: str) -> None:
    method = METHODS[name]
    assert method.title and method.source and method.summary.endswith(".")
    for field_name, field in method.request.model_fields.items():
        assert field.title and field.description, field_name
    method.request(classes=(0,))


@pytest.mark.parametrize("name", NAMES)
def test_the_global_generator_is_left_alone(
    fitting: Callable[[Method], TrainedModel], data: Dataset, name: str
) -> None:
    model = fitting(METHODS[name])
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    unlearn(METHODS[name], model, data, quick(METHODS[name]))
    assert torch.equal(torch.rand(2), expected)


TRAINING = [name for name in NAMES if issubclass(METHODS[name].request, OptimiserRequest)]


@pytest.mark.parametrize("name", TRAINING)
def test_a_cancelled_method_stops(fitting: Callable[[Method], TrainedModel], data: Dataset, name: str) -> None:
    model = fitting(METHODS[name])
    with pytest.raises(CancelledError, match="cancelled"):
        unlearn(METHODS[name], model, data, quick(METHODS[name]), Watch(cancelled=lambda: True))
    gc.collect()


@pytest.mark.parametrize(
    ("classes", "words"),
    [((4,), "There is no class 4; classes are 0 to 3."), ((0, 1, 2, 3), "All 4 classes cannot be forgotten")],
)
def test_impossible_classes_are_refused_in_words(
    model: TrainedModel, data: Dataset, classes: tuple[int, ...], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        unlearn(METHODS["fine-tune"], model, data, METHODS["fine-tune"].request(classes=classes))


def test_a_method_that_needs_a_preparation_says_what_is_missing_and_how_to_make_it(
    model: TrainedModel, data: Dataset, prepared: Callable[[str], TrainedModel]
) -> None:
    for name in (name for name in NAMES if "preparation" in METHODS[name].needs):
        method = METHODS[name]
        assert method.obstacle(prepared(name)) is None
        words = method.obstacle(model)
        assert words is not None
        assert words.startswith(f"{method.title} needs what only training can leave behind. {model.name} was trained")
        assert f"Train one like it that does: `{command_of(recipe_of(model.card), f'--scheme {name}')}`." in words
        with pytest.raises(RequestError, match="only training can leave behind"):
            unlearn(method, model, data, quick(method))


@pytest.mark.parametrize("name", NAMES)
def test_a_search_names_fields_of_the_request(name: str) -> None:
    assert set(METHODS[name].search) <= set(METHODS[name].request.model_fields)


def test_a_method_can_be_a_key() -> None:
    assert {METHODS["ssd"]: 1}[METHODS["ssd"]] == 1


DEPARTING = {
    "amnesiac", "bad-teacher", "boundary-expand", "boundary-shrink", "fisher-forgetting", "gradient-ascent",
    "nabla-tau", "neggrad-plus", "salun", "soft-pruning", "soft-pruning-tuned", "tfidf-pruning",
}  # fmt: skip
OURS = {"cf-k", "discriminative-adversarial", "eu-k", "famr"}


def test_the_origin_of_defaults_names_what_is_not_published() -> None:
    assert {name for name in NAMES if METHODS[name].departs} == DEPARTING
    assert {name for name in NAMES if METHODS[name].defaults == "proposed"} == OURS
    for name in DEPARTING:
        origin = METHODS[name].origin
        assert origin == f"published defaults, but for {METHODS[name].departs}" and not origin.endswith(".")
    assert METHODS["eu-k"].origin == "our own defaults, as none are known"
    assert METHODS["ssd"].origin == "published defaults"
