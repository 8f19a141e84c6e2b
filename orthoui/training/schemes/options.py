"""What a person can choose about a training that prepares for forgetting."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LogBatches = Literal["mixed", "pure"]
Packing = Literal["random", "class"]
BYTES = 4
"""Of a stored number: everything is kept in float32."""


class SchemeOptions(BaseModel):
    """What every scheme is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    disk_gb: float = Field(
        default=20.0,
        gt=0,
        le=10_000,
        title="Disk",
        description="most that may be stored beside the model, in GB; more is refused before training. What an "
        "earlier training has stored stays until this one is done",
    )


class AmnesiacScheme(SchemeOptions):
    """Update logging (Graves et al., AAAI 2021): the sum of the updates that each class took part in.

    One copy of the weights per class is stored, however long the training.
    """

    kind: Literal["amnesiac"] = "amnesiac"
    log_batches: LogBatches = Field(
        default="mixed",
        title="Logged batches",
        description="mixed: as always, so that nearly every step holds every class; pure: one class a batch, so that "
        "few steps are its own, at the cost of batch norms",
    )

    def disk_bytes(self, weights: int, classes: int) -> int:
        """Return what the log takes for a network of ``weights`` numbers, bytes."""
        return classes * weights * BYTES


class SisaScheme(SchemeOptions):
    """Sharded, sliced training (Bourtoule et al., IEEE S&P 2021).

    Stored are shards × slices checkpoints, each of the weights and the optimiser's momentum: twice the weights.
    """

    kind: Literal["sisa"] = "sisa"
    shards: int = Field(
        default=5, ge=1, le=64, title="Shards", description="networks on disjoint parts of the images"
    )
    slices: int = Field(
        default=4, ge=1, le=64, title="Slices", description="parts of a shard that are added one by one"
    )
    slice_epochs: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        title="Epochs per slice",
        description="passes after each slice was added; none: 2·epochs/(slices + 1), the steps of a usual training",
    )
    packing: Packing = Field(
        default="random",
        title="Packing",
        description="random: each class is in every shard; class: in as few shards and slices as possible, which "
        "makes its removal cheap and the mean less accurate",
    )

    def epochs_per_slice(self, epochs: int) -> int:
        """Return e = 2e′/(R + 1), rounded and at least 1, for the e′ epochs of a usual training."""
        return self.slice_epochs or max(1, round(2 * epochs / (self.slices + 1)))

    def disk_bytes(self, weights: int, classes: int) -> int:
        """Return what the checkpoints take for a network of ``weights`` numbers, bytes."""
        del classes
        return self.shards * self.slices * 2 * weights * BYTES


Scheme = Annotated[AmnesiacScheme | SisaScheme, Field(discriminator="kind")]
SCHEMES: dict[str, type[AmnesiacScheme | SisaScheme]] = {"amnesiac": AmnesiacScheme, "sisa": SisaScheme}
