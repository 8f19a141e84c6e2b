"""Measuring finished runs against a retrained model that was not there yet when they were made."""

from pydantic import BaseModel, ConfigDict, Field

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.evaluation.comparison import against_reference
from orthoui.jobs.context import Context
from orthoui.jobs.method import NO_REFERENCE, classes_in, identity_of, reference_for, unlearned_network
from orthoui.jobs.results import DISTANCE, finished, row_of, without_distance
from orthoui.jobs.work import work
from orthoui.ledger import Result, ledger
from orthoui.methods.base import check_classes
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import zoo


class DistanceRequest(BaseModel):
    """Of which model, and without which classes, the runs are measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="name of the model")
    classes: tuple[int, ...] = Field(min_length=1, description="classes that were forgotten, by number")


def title_of(model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return what the job does, in words."""
    return f"Distance to the retrained model: {classes_in(model, classes)}"


@work(DISTANCE, DistanceRequest)
def run_distance(asked: DistanceRequest, context: Context) -> Result:
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
            measured += _measure(row.run.id, model, data, asked.classes, reference, context)
        except RequestError as error:  # deleted meanwhile, or its network is damaged
            context.log(f"{row.title}: {error}")
    return Result(**identity_of(model, 0, data).model_dump(), metrics={"measured": measured, "of": len(todo)})


def _measure(
    run_id: str,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    reference: TrainedModel,
    context: Context,
) -> bool:
    """Measure one run, unless another job did so meanwhile; return whether it has a distance now."""
    run = ledger().get(run_id)
    if not without_distance([row_of(run)]):
        return True
    found = against_reference(
        unlearned_network(run_id, model, classes).network,
        model,
        data,
        classes,
        reference,
        similarity=run.request.get("similarity", True),
        cancelled=context.cancelled,
    )
    ledger().add_metrics(run_id, found.model_dump(mode="json"))
    return found.distance is not None
