"""Getting a data set as a job: downloaded where it is not there, decoded, ready for every page."""

from pydantic import BaseModel, ConfigDict, Field

from orthoui.data import dataset_title, fetch_dataset
from orthoui.data.known import KNOWN
from orthoui.jobs.context import Context
from orthoui.jobs.work import work
from orthoui.ledger import Result
from orthoui.ledger.values import Identity

KIND = "get-dataset"
STEPS = 1000
"""Parts that a stage is reported in."""


class FetchRequest(BaseModel):
    """The data set to get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(title="Data set", min_length=1, max_length=200, description="data set, by name")

    @property
    def identity(self) -> Identity:
        """What the ledger should know before it begins."""
        return Identity(dataset=self.name)

    @property
    def title(self) -> str:
        """What it is, in words."""
        size = f" ({KNOWN[self.name].remote.size / 1e6:.0f} MB)" if self.name in KNOWN else ""
        return f"Get the images of {dataset_title(self.name)}{size}"


@work(KIND, FetchRequest, on_device=False)
def fetch(request: FetchRequest, context: Context) -> Result:
    """Download and decode a data set. Raises ``DatasetError`` in plain words when it cannot be had."""
    doing: list[str] = []

    def report(stage: str, share: float) -> None:
        context.check()
        name = stage.partition(":")[0]
        if doing[-1:] != [name]:
            doing.append(name)
            context.log(f"{stage} …")
        context.progress(round(share * STEPS), STEPS, message=stage)

    data = fetch_dataset(request.name, report)
    counts = {split: len(images) for split, images in data.splits.items()}
    return Result(dataset=request.name, metrics={"classes": len(data.classes), "images": counts})
