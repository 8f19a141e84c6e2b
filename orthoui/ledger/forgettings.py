"""Forgettings as runs of the ledger: the same record from the page and from the command line.

Apart from the rest of the package, because only this part knows what an outcome is.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orthoui.errors import RequestError
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.summary import metrics, stage_seconds
from orthoui.forgetting.request import ForgetRequest
from orthoui.ledger import Ledger, NewRun, Result, Run, RunFilter
from orthoui.ledger.values import request_digest
from orthoui.models.trained import TrainedModel

KIND = "forget"


class Forgetting(BaseModel):
    """What was asked for: the request, and on which images it was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: ForgetRequest
    split: str
    membership: bool
    reference: str | None = Field(default=None, description="the retrained model it was compared with")


def record(book: Ledger, outcome: Outcome, model: TrainedModel, data_digest: str) -> Run | None:
    """Store a complete outcome once; None when the same request of the same model is there already.

    Raises ``RequestError`` for an outcome that is not complete, ``LedgerError`` when it cannot be written.
    """
    if not outcome.complete:
        raise RequestError("A forgetting is recorded when it is measured to the end.")
    asked = Forgetting(
        request=outcome.request,
        split=outcome.split,
        membership=bool(outcome.membership),
        reference=outcome.reference,
    )
    new = NewRun(
        kind=KIND,
        method="osp",
        title=f"Forget {outcome.forgotten} in {model.card.title}"[:500],
        request=asked.model_dump(mode="json"),
        model=outcome.model,
        model_digest=model.digest,
        architecture=model.card.architecture,
        dataset=outcome.dataset,
        data_digest=data_digest,
        seed=outcome.request.seed,
        device=outcome.device,
    )
    same = RunFilter(
        kind=(KIND,),
        model_digest=new.model_digest,
        data_digest=new.data_digest,
        request_digest=request_digest(new.request),
        version=new.version,
    )
    if book.count(same):
        return None
    return book.record(new, Result(metrics=metrics(outcome), timings=stage_seconds(outcome)))


def request_of(run: Run) -> ForgetRequest | None:
    """Return the forgetting that a run of the ledger asked for; None when it asked for something else."""
    asked: Any = run.request.get("request") if run.kind == KIND else None
    try:
        return ForgetRequest.model_validate(asked)
    except ValidationError:
        return None
