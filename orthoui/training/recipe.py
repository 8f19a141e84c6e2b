"""How a network is trained: every number of it, with unit and source of the choice."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PenalisedLayers = Literal["all", "no_stem", "no_1x1"]


class Recipe(BaseModel):
    """One training run. The same recipe, data and seed give the same weights on the same machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(default="fashion-mnist", title="Data set", description="data set to train on, by name")
    architecture: str = Field(default="resnet18", description="kind of network, by name")
    width: int = Field(default=16, ge=4, le=512, description="channels of the first stage; the paper's is 64")
    orthogonality: float = Field(default=0.0, ge=0, le=1, description="weight λ of the penalty; 0 is plain")
    ortho_layers: PenalisedLayers = Field(default="all", description="convolutions the penalty acts on")
    epochs: int = Field(default=18, ge=1, le=1000, description="passes over the training images")
    batch_size: int = Field(default=128, ge=2, le=8192, description="images per step")
    learning_rate: float = Field(default=0.1, gt=0, le=10, description="peak of the one-cycle schedule")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Nesterov momentum of the optimiser")
    weight_decay: float = Field(default=5e-4, ge=0, le=0.1, description="of convolutions and classifier only")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of the target given to all classes")
    crop_padding: int = Field(default=2, ge=0, le=16, description="pixels of the random shift")
    flip: bool = Field(default=True, description="mirror half of the images")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="draw of first weights, order and augmentation")
    forgets: tuple[int, ...] = Field(default=(), description="classes never shown: a retrained reference")
