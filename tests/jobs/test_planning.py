"""Before a training: its name, how long it will take, and what is refused."""

import pytest
import torch

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.jobs.planning import checked, estimate, free_name
from orthoui.jobs.train import TrainRequest
from orthoui.ledger import Ledger, NewRun, Result
from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.state import Epoch, save_state
from tests.tiny import MEAN, STD

CLASSES = ("cat", "dog", "eel")
RECIPE = Recipe(dataset="pets", width=8, epochs=10)
EPOCH = Epoch(
    epoch=1, epochs=3, loss=1, penalty=0, accuracy=50, calibration=50, cosine=0.1, seconds=1, images_per_second=100
)


@pytest.fixture
def book(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return Ledger(tmp_path_factory.mktemp("planning") / "ledger.sqlite")


def trained(book: Ledger, recipe: Recipe, seconds: float) -> None:
    request = {"recipe": recipe.model_dump(mode="json")}
    new = NewRun(
        kind="train", title="Train", request=request, dataset=recipe.dataset, architecture=recipe.architecture
    )
    book.record(new, Result(timings={"optimisation": seconds}))


def test_the_time_is_that_of_the_same_width_per_epoch(book: Ledger) -> None:
    assert estimate(RECIPE, book) is None
    trained(book, RECIPE.model_copy(update={"width": 64, "epochs": 1}), 500)
    rough = estimate(RECIPE, book)
    assert rough is not None and (rough.seconds, rough.runs, rough.rough) == (500, 1, True)
    for epochs, seconds in ((5, 50), (20, 240), (10, 90)):
        trained(book, RECIPE.model_copy(update={"epochs": epochs}), seconds)
    found = estimate(RECIPE, book)
    assert found is not None and (found.seconds, found.runs, found.rough) == (100, 3, False)
    assert estimate(RECIPE.model_copy(update={"dataset": "others"}), book) is None


def test_the_time_of_a_restricted_gradient_is_its_own(book: Ledger) -> None:
    restricted = RECIPE.model_copy(update={"gradient_restriction": 0.005})
    trained(book, RECIPE, 100)
    assert estimate(restricted, book) is None
    trained(book, restricted.model_copy(update={"gradient_restriction": 0.1}), 500)
    found, plain = estimate(restricted, book), estimate(RECIPE, book)
    assert found is not None and plain is not None
    assert (found.seconds, plain.seconds) == (500, 100)


def test_a_name_that_is_taken_is_numbered(book: Ledger) -> None:
    assert free_name(RECIPE, book) == "pets-resnet18-w8-plain"
    book.queue.add(NewRun(kind="train", title="Train", model="pets-resnet18-w8-plain"), server="here:1:1")
    assert free_name(RECIPE, book) == "pets-resnet18-w8-plain-2"
    left = TrainRequest(recipe=RECIPE, name="pets-resnet18-w8-plain-2").state
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("a cancelled training can go on")
    assert free_name(RECIPE, book) == "pets-resnet18-w8-plain-3"
    left.unlink()


@pytest.mark.parametrize(
    ("fields", "name", "sentence"),
    [
        ({"architecture": "resnet9"}, "new", "There is no architecture “resnet9”"),
        ({"forgets": (3,)}, "new", "pets has 3 classes"),
        ({"forgets": (0, 2)}, "new", "cat and eel cannot be left out"),
        ({}, "fashion-mnist-resnet18-w16-plain", "There is already a model"),
        ({}, "busy", "is being trained already"),
    ],
)
def test_what_cannot_be_is_refused(book: Ledger, fields: dict[str, object], name: str, sentence: str) -> None:
    book.queue.add(NewRun(kind="train", title="Train", model="busy"), server="here:1:1")
    request = TrainRequest(recipe=RECIPE.model_copy(update=fields), name=name)
    with pytest.raises(RequestError, match=sentence):
        checked(request, CLASSES, book)


def test_an_interrupted_training_is_given_up_only_on_purpose(book: Ledger, data: Dataset) -> None:
    request = TrainRequest(recipe=RECIPE, name="mine", restart=True)
    checked(request, CLASSES, book)
    begun = Training(data, Recipe(dataset="tiny", width=4, epochs=3), (MEAN, STD), make_fabric(torch.device("cpu")))
    request.state.parent.mkdir(parents=True, exist_ok=True)
    for epochs, when in ((0, "in its first epoch"), (1, "after one epoch"), (3, "after 3 epochs")):
        state = begun.state()
        state.numbers.history = (EPOCH,) * epochs
        save_state(request.state, state)
        with pytest.raises(RequestError, match=f"A training of “mine” was interrupted {when}. “Try again” on Jobs"):
            checked(request, CLASSES, book)
    request.state.write_text("of an older version")
    with pytest.raises(RequestError, match=r"“mine” was interrupted\. .* Choose another name, or tick “Start anew”"):
        checked(request, CLASSES, book)
    checked(request, CLASSES, book, anew=True)
    checked(request.model_copy(update={"restart": False}), CLASSES, book)  # goes on from it
    assert request.state.exists()


def test_what_can_be_is_not(book: Ledger) -> None:
    checked(TrainRequest(recipe=RECIPE.model_copy(update={"forgets": (1,)}), name="new"), CLASSES, book)
    checked(TrainRequest(recipe=RECIPE, name="new"), (), book)  # classes that are not known yet
