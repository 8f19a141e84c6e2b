"""Measuring finished runs beside a retrained model that was not there yet when they were made."""

from pydantic import BaseModel, ConfigDict, Field

from orthoui.errors import RequestError
from orthoui.evaluation.comparison import measured_beside
from orthoui.jobs.context import Context
from orthoui.jobs.method import NO_REFERENCE, identity_of, reference_for, unlearned_network
from orthoui.jobs.results import BESIDE, finished, without_distance
from orthoui.jobs.work import work
from orthoui.ledger import Result, ledger
from orthoui.methods.base import check_classes
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import zoo


class BesideRequest(BaseModel):
    """Of which model, and without which classes, the runs are measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="name of the model")
    classes: tuple[int, ...] = Field(min_length=1, description="classes that were forgotten, by number")


def title_of(model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return what the job does, in words."""
    names = ", ".join(model.card.classes[label] for label in classes)
    return f"Distance to the retrained model: {names} in {model.name}"


@work(BESIDE, BesideRequest)
def run_beside(asked: BesideRequest, context: Context) -> Result:
    """Measure one run after the other; each is stored at once, so that a stopped job goes on behind it.

    Raises ``RequestError`` without a retrained model.
    """
    model = zoo().forgettable(asked.model)
    data = model.data()
    check_classes(asked.classes, data)
    reference = reference_for(model, asked.classes, data)
    if reference is None:
        raise RequestError(NO_REFERENCE)
    todo = without_distance(finished(ledger(), model, asked.classes, every=True))
    measured = 0
    for place, row in enumerate(todo):
        context.progress(place, len(todo), None, f"Measuring: {row.title}")
        context.check()
        try:
            network = unlearned_network(row.run.id, model, asked.classes).network
            similarity = row.run.request.get("similarity", True)
            found = measured_beside(
                network, model, data, asked.classes, reference, similarity=similarity, cancelled=context.cancelled
            )
            ledger().add_metrics(row.run.id, found.model_dump(mode="json"))
            measured += 1
        except RequestError as error:  # deleted meanwhile
            context.log(f"{row.title}: {error}")
    return Result(**identity_of(model, 0, data).model_dump(), metrics={"measured": measured})
