"""Table 2: the paper's method beside the others, each measured alike, and the door that they enter by."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import create_model

from orthoui.methods import METHODS
from orthoui.models.zoo import Zoo
from orthoui.paper import measures
from orthoui.paper.measures import MEASURES, Answer, Task
from orthoui.paper.others import COSTS
from orthoui.paper.outline import UNITS
from orthoui.paper.plans import OTHER_METHODS
from orthoui.paper.reproduce import reproduce
from orthoui.paper.schema import Value
from orthoui.settings import settings
from tests.paper.conftest import add_model
from tests.paper.test_reproduce import Counter, asked


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods with little to do."""
    monkeypatch.setattr(measures, "TIMED_RUNS", 1)
    use(monkeypatch, "ssd", batch_size=8)
    use(monkeypatch, "unsir", noise_images=4, noise_steps=2, repeats=2, images_per_class=10)
    use(monkeypatch, "tfidf-pruning", images=40, epochs=1)


def use(monkeypatch: pytest.MonkeyPatch, name: str, **defaults: object) -> None:
    """Give a method other defaults."""
    method = METHODS[name]
    fields: dict[str, Any] = {
        key: (method.request.model_fields[key].annotation, value) for key, value in defaults.items()
    }
    request = create_model(method.request.__name__, __base__=method.request, **fields)
    monkeypatch.setitem(METHODS._entries, name, replace(method, request=request))


def test_table_2_stands_ours_beside_the_others(models: Zoo, quick: None) -> None:
    table = reproduce(asked("table-2", seeds=1), models)
    for name in ("OSP/floor", "OSP/scaled", *OTHER_METHODS):
        cell = table.cell(name)
        assert cell and set(cell.measured) == {"forget_accuracy", "retain_accuracy", "membership", "seconds"}, name
    draw = table.cells[1].draws[0]
    assert (table.cells[1].row, draw.request, draw.settings["batch_size"]) == ("SSD", None, 8)
    reference = table.cell("Retrain")
    assert reference and "--forget 1" in reference.advice


def test_another_method_is_measured_again_when_it_is_asked_something_else(
    models: Zoo, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduce(asked("table-2", seeds=1), models)
    use(monkeypatch, "ssd", selection=3.0)
    seen = Counter()
    reproduce(asked("table-2", seeds=1), models, seen)
    assert seen.cells == ["SSD"]


def test_how_far_a_long_method_is_is_told_while_it_runs(models: Zoo, quick: None) -> None:
    seen = Counter()
    reproduce(asked("table-2", seeds=1), models, seen)
    *earlier, (before, _), (done, total) = seen.steps
    assert [step for step, _ in earlier] == sorted(step for step, _ in earlier)
    assert total - UNITS * COSTS["TF-IDF"] < before < done == total  # the longest comes last


def test_a_method_enters_table_2_by_the_public_door(
    models: Zoo, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(MEASURES._entries, "Retrain")
    other = reproduce(asked("table-2", seeds=1), models).cell("Retrain")
    assert (
        other
        and other.advice
        == "The method Retrain is not part of this version yet, so this cell cannot be measured here."
    )

    @measures.measure("Retrain")
    def retrained(task: Task) -> Answer:
        return Answer({"forget_accuracy": Value(value=4.0)})

    seen = Counter()
    add_model(settings().home, "without", orthogonality=0.01, forgets=(1,))
    other = reproduce(asked("table-2", seeds=1), models, seen).cell("Retrain")
    assert seen.cells == ["Retrain"] and other and other.mean("forget_accuracy") == 4.0
