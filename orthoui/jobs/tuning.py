"""Fine-tuning after pruning, as the Forget page asks for it: a run of that method, found again by its settings."""

from contextlib import suppress

from orthoui.errors import OrthoError
from orthoui.forgetting.request import ForgetRequest
from orthoui.jobs.method import KIND, MethodRun, request_of
from orthoui.ledger import Ledger, Run, RunFilter
from orthoui.models.trained import TrainedModel
from orthoui.wording import parse

METHOD = "soft-pruning-tuned"


def tuning_run(model: TrainedModel, request: ForgetRequest, *, epochs: int, freeze_bn: bool) -> MethodRun:
    """Return the run that prunes as ``request`` says and then fine-tunes for at most so many epochs."""
    pruning = request.model_dump(mode="json", exclude={"classes"})
    tuning = {"tuning_epochs": epochs, "bn_mode": "eval" if freeze_bn else "train"}
    return MethodRun(model=model.name, method=METHOD, classes=request.classes, settings=pruning | tuning)


def latest_tuning(book: Ledger, model: TrainedModel, asked: MethodRun) -> Run | None:
    """Return the last run that was asked for the same, wherever it was asked, in whatever state it is."""
    wanted = request_of(asked, model)
    for run in book.find(RunFilter(kind=(KIND,), model_digest=model.digest, method=METHOD), sort="-created"):
        with suppress(OrthoError):  # of another version, whose settings are none any more
            if request_of(parse(MethodRun, run.request), model) == wanted:
                return run
    return None
