"""The other methods of Table 2: each runs with the settings it has in this version, and is measured like ours."""

from collections.abc import Callable

from pydantic import JsonValue

from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.forgetting.request import ForgetRequest
from orthoui.methods import METHODS, MethodRequest, unlearn
from orthoui.methods.work import Watch
from orthoui.models.trained import resident
from orthoui.paper.measures import Answer, Task, accuracies_of, attacked, measure
from orthoui.paper.plans import OTHER_METHODS
from orthoui.paper.schema import Value

COSTS = {"SSD": 20, "EMNI": 6, "TF-IDF": 150}
"""Their time, about, in evaluations of the test split, on CIFAR-10."""
UNLEARNING = 0.95
"""Their share of a draw; the rest is measuring."""


def method_settings(name: str) -> dict[str, JsonValue]:
    """Return what a method of Table 2 is asked beside the class: its defaults."""
    return _request(name, (0,)).model_dump(mode="json", exclude={"classes"})


def _request(name: str, classes: tuple[int, ...]) -> MethodRequest:
    return METHODS[OTHER_METHODS[name]].request(classes=classes)


def _measured_by(name: str) -> Callable[[Task], Answer]:
    def run(task: Task) -> Answer:
        def progress(step: int, steps: int, _: float | None) -> None:
            task.look()
            task.tell(UNLEARNING * step / max(1, steps))

        watch, request = Watch(progress, task.cancelled), _request(name, task.classes)
        done = unlearn(METHODS[OTHER_METHODS[name]], task.model, task.data, request, watch)
        own = resident(name, task.model.card, done.network, task.model.device)
        predictor = Predictor(own, lambda: own.network, name, PredictionMemo(64))
        values = {**accuracies_of(task, predictor), **attacked(task, predictor, ForgetRequest(classes=task.classes))}
        seconds = Value(value=sum(done.seconds.values()), n=1)
        return Answer({**values, "seconds": seconds}, settings=method_settings(name))

    return run


for _name in OTHER_METHODS:
    measure(_name, cost=COSTS[_name])(_measured_by(_name))
