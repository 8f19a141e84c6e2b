"""The view: everything a person has set, as one value that every page reads and a link carries."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from orthoui.errors import UnknownNameError
from orthoui.evaluation.channels import checked_layer
from orthoui.forgetting.request import ForgetRequest, parse_request
from orthoui.ledger import State
from orthoui.methods import METHODS
from orthoui.methods.setting_texts import check_settings
from orthoui.models.trained import TrainedModel
from orthoui.paper.finding import check_architecture
from orthoui.paper.setting import Setting
from orthoui.training.recipe import Recipe
from orthoui.wording import parse

ShortText = Annotated[str, Field(min_length=1, max_length=200)]
LedgerOrder = Literal["-created", "created", "title", "kind", "state", "model", "dataset", "-finished"]


class View(BaseModel):
    """What is shown: a model, a request, and the things picked out on the pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    request: ForgetRequest
    example: int = Field(
        title="Example", default=0, ge=0, le=1_000_000, description="place of the example among its class's images"
    )
    other: int | None = Field(
        title="Class beside", default=None, ge=0, le=10_000, description="retained class shown beside, by number"
    )
    layer: str | None = Field(title="Layer", default=None, max_length=200, description="layer whose maps are shown")
    channel: int | None = Field(
        title="Channel", default=None, ge=0, le=100_000, description="channel under inspection"
    )
    subject: int | None = Field(
        title="Forgotten class shown", default=None, ge=0, le=10_000, description="forgotten class shown, of several"
    )
    every: bool = Field(
        title="Show every channel",
        default=False,
        description="whether every channel of a layer is shown, not only the first",
    )
    cam_layer: str | None = Field(
        title="Heatmap layer", default=None, max_length=200, description="layer that heatmaps are read from"
    )
    cam_class: int | None = Field(
        title="Class explained", default=None, ge=0, le=10_000, description="class that heatmaps explain"
    )
    cam_order: Literal["most", "least", "stored"] = Field(
        title="Order of heatmaps", default="most", description="order of heatmaps by change"
    )
    cam_rows: int = Field(
        title="Rows of heatmaps", default=5, ge=1, le=30, description="rows of heatmaps shown below the example"
    )
    tune_epochs: int = Field(
        title="Epochs at most", default=3, ge=1, le=10, description="most epochs of the optional fine-tuning"
    )
    tune_freeze: bool = Field(
        title="Keep batch norm statistics",
        default=True,
        description="Otherwise they adapt, and where filters were scaled the pruning is undone.",
    )

    recipe: Recipe = Field(title="Recipe", default=Recipe(), description="training that the Train page is set to")
    train_name: str = Field(
        title="Name", default="", max_length=200, description="name of the model to be trained; empty: made for it"
    )
    result: str | None = Field(
        title="Method's result",
        default=None,
        max_length=80,
        description="run of a method whose network is shown as “after”, in place of soft pruning",
    )
    methods: tuple[str, ...] = Field(
        title="Methods", default=(), max_length=200, description="methods ticked on the Methods page"
    )
    settings: tuple[ShortText, ...] = Field(
        title="Settings of methods", default=(), max_length=200, description="settings as in ssd.selection=30"
    )
    relearn: bool = Field(
        title="Relearn too", default=False, description="whether steps are counted that bring the class back"
    )
    pinned: tuple[str, ...] = Field(
        title="Runs looked at", default=(), max_length=6, description="runs of methods that are compared closely"
    )
    method_columns: Literal["measured", "interval", "gap", "paper"] = Field(
        title="Columns", default="measured", description="what the table of methods shows"
    )
    every_run: bool = Field(
        title="Every run", default=False, description="every run of a method is shown, not only its latest"
    )
    runs_shown: Literal["session", "all"] = Field(
        title="Runs shown", default="session", description="runs of this browser session, or all that were ever made"
    )
    ledger_text: str = Field(
        title="Search in the runs", default="", max_length=200, description="words searched for in all runs"
    )
    ledger_kind: tuple[ShortText, ...] = Field(
        title="Kind of the runs", default=(), max_length=50, description="kinds of runs listed; empty: any"
    )
    ledger_state: tuple[State, ...] = Field(
        title="State of the runs", default=(), max_length=50, description="states of runs listed; empty: any"
    )
    ledger_model: ShortText | None = Field(
        title="Model of the runs", default=None, description="model whose runs are listed"
    )
    ledger_dataset: ShortText | None = Field(
        title="Data set of the runs", default=None, description="data set whose runs are listed"
    )
    ledger_tag: ShortText | None = Field(
        title="Tag of the runs", default=None, description="tag whose runs are listed"
    )
    ledger_sort: LedgerOrder = Field(title="Order of the runs", default="-created", description="order of all runs")
    paper: Setting | None = Field(
        title="Measured on",
        default=None,
        description="networks and images of the Paper page; None: the first measured",
    )

    @field_validator("ledger_kind", "ledger_state")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names))

    @field_validator("model")
    @classmethod
    def _short(cls, name: str) -> str:
        if not name or len(name) > 200:
            raise ValueError("a model's name has 1 to 200 characters")
        return name

    def with_request(self, **changes: Any) -> "View":
        """Return the view with a changed request. Raises ``RequestError`` when a value is not allowed."""
        fields: dict[str, object] = {**self.request.model_dump(), **changes}
        return self.model_copy(update={"request": parse_request(fields), "result": None})

    def with_recipe(self, **changes: Any) -> "View":
        """Return the view with a changed recipe. Raises ``RequestError`` when a value is not allowed."""
        return self.model_copy(update={"recipe": parse(Recipe, {**self.recipe.model_dump(), **changes})})

    def with_choices(self, model: TrainedModel, **choices: object) -> "View":
        """Return the view with other fields than the request changed, be it by a link or by a click.

        Raises ``RequestError`` for a value that is not allowed or that the model does not have.
        """
        changed = parse(View, {**self.model_dump(), **choices})
        for name in choices:
            value = getattr(changed, name)
            for method in value if name == "methods" else ():
                _ = METHODS[method]
            if name == "settings":
                check_settings(value)
            if name in ("layer", "cam_layer") and value is not None:
                _ = model.anatomy[value]
            if name in ("other", "cam_class", "subject") and value is not None and value >= len(model.card.classes):
                raise UnknownNameError("class", value, range(len(model.card.classes)))
            if name == "paper" and value is not None:
                check_architecture(value.architecture)
        if changed.channel is not None and not choices.keys().isdisjoint(("layer", "channel")):
            checked_layer(model, changed.layer or model.anatomy.names[0], changed.channel)
        return changed
