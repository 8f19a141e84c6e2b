"""What a checkpoint says about itself: everything needed to rebuild, repeat and judge the model."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from orthoui.models.architectures import PAPER_WIDTH, TITLES
from orthoui.models.ensemble import members_in
from orthoui.models.timm_networks import PREFIX, is_timm


class ModelCard(BaseModel):
    """The one JSON document in a checkpoint's metadata. Accuracies in percent, sizes in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    origin: Literal["trained", "imported"] = Field(
        default="trained", description="trained by OrthoUI, or weights from elsewhere whose training is unknown"
    )
    width: int = Field(default=PAPER_WIDTH, ge=4, le=512)
    classes: tuple[str, ...] = Field(min_length=2, max_length=10_000)
    dataset: str
    images_digest: str = Field(description="digest of the training images")
    input_size: int = Field(ge=8, le=1024)
    resized: bool = Field(
        default=False, description="images are resized to the input size; otherwise they get a black margin"
    )
    mean: tuple[float, ...] = Field(min_length=1, max_length=3)
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, max_length=3)
    orthogonality: float = Field(ge=0, description="weight λ of the orthogonality penalty; 0 is a plain network")
    seed: int
    forgets: tuple[int, ...] = Field(default=(), description="classes left out of training: a retrained reference")
    recipe: dict[str, Any] = Field(default_factory=dict)
    accuracy: dict[str, float] = Field(default_factory=dict, description="percent correct, by split")
    filter_cosine: dict[str, float] = Field(
        default_factory=dict, description="mean absolute off-diagonal filter cosine, by layer"
    )
    training_seconds: float | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_mean_per_channel(self) -> Self:
        if len(self.mean) != len(self.std) or len(self.mean) == 2:
            raise ValueError("mean and std need one value each, or three")
        if any(not 0 <= label < len(self.classes) for label in self.forgets):
            raise ValueError("forgets names a class that is not there")
        return self

    @property
    def title(self) -> str:
        """Return the name a person reads, e.g. “ResNet-18, width 16, orthogonal”."""
        kind = "imported" if self.origin == "imported" else "orthogonal" if self.orthogonality else "plain"
        several = members_in(self.architecture)
        one = self.architecture if several is None else several[1]
        shown = f"{one.removeprefix(PREFIX)} (timm)" if is_timm(one) else TITLES.get(one, one)
        if several is not None:
            shown = f"mean of {several[0]} × {shown}"
        return f"{shown}, {kind}" if is_timm(one) else f"{shown}, width {self.width}, {kind}"
