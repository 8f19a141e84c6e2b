"""What a person can ask for: one validated value from which sliders, command line and URL derive."""

import hashlib
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from orthoui.wording import parse

Attenuation = Literal["floor", "scaled", "uniform"]
Score = Literal["difference", "margin", "standardised", "random"]
Target = Literal["conv", "bn", "conv_sync"]
ReadAt = Literal["conv", "bn", "relu"]

SCOPE = re.compile(r"all|stage:\d+(\+\d+)*|layers:[\w.]+(\+[\w.]+)*")


class ChannelEdit(BaseModel):
    """One channel set by hand; it overrides what the plan would do with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: str = Field(min_length=1, max_length=200)
    channel: int = Field(ge=0, le=100_000)
    keep: float = Field(ge=0, le=1, description="fraction kept: 1 spares the channel, 0 silences it")


class ForgetRequest(BaseModel):
    """One forgetting: which classes, how many channels, how strongly, and how they are chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[int, ...] = Field(
        min_length=1, max_length=10_000, title="Classes", description="The classes to forget, by number."
    )
    ratio: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        title="Ratio",
        description="Share of the channels of every layer in scope that is scaled down.",
        json_schema_extra={"step": 0.01},
    )
    strength: float = Field(
        default=0.4,
        ge=0,
        le=1,
        title="Strength",
        description="How much of a chosen channel is taken away, 1 all of it. With Floor it is the least that is "
        "taken: at 0 the first in rank still lose most. With the others 0 takes nothing.",
        json_schema_extra={"step": 0.05},
    )
    attenuation: Attenuation = Field(
        default="floor",
        title="Attenuation",
        description="How strength fades with rank. Floor: the likeliest reading of the paper, the strength is the "
        "least taken from any chosen channel. Scaled: all of it shrinks with the strength, 0 changes nothing. "
        "Uniform: the same for every chosen channel.",
    )
    score: Score = Field(
        default="difference",
        title="Score",
        description="What makes a channel belong to the class. Difference: its peak response to the class "
        "minus the mean of the others (the paper's). Margin: minus the highest other class. Standardised: "
        "the difference over the spread between the others. Random: a control that looks at nothing.",
    )
    target: Target = Field(
        default="conv",
        title="Target",
        description="What is scaled. Filters: the convolution weights (the paper's letter). Batch norm: the "
        "channel's output itself. Filters and statistics: both in step, so that the output scales exactly.",
    )
    scope: str = Field(
        default="all",
        max_length=4_000,
        title="Scope",
        description="Where channels are chosen. In a command: all, stage:3+4, or layers:NAME+NAME.",
    )
    images_per_class: int = Field(
        default=5,
        ge=1,
        le=1_000_000,
        title="Images per class",
        description="Training images looked at to find the channels; more than there are means all.",
    )
    read_at: ReadAt = Field(
        default="bn",
        title="Read at",
        description="Where the response is read: the convolution's own output, behind its batch norm, or "
        "behind the rectifier.",
    )
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, title="Seed", description="Draw of the images and of random channels."
    )
    edits: tuple[ChannelEdit, ...] = Field(
        default=(), max_length=500, title="Channels set by hand", description="Overrides of single channels."
    )

    @field_validator("classes")
    @classmethod
    def _sorted_once(cls, classes: tuple[int, ...]) -> tuple[int, ...]:
        if any(label < 0 for label in classes):
            raise ValueError("class numbers start at 0")
        return tuple(sorted(set(classes)))

    @field_validator("scope")
    @classmethod
    def _known_form(cls, scope: str) -> str:
        if not SCOPE.fullmatch(scope):
            raise ValueError("must be “all”, “stage:N+N” or “layers:NAME+NAME”")
        return scope

    @property
    def digest(self) -> str:
        """Stable name of this request: SHA-256 of its JSON, 16 hex digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def parse_request(fields: dict[str, object]) -> ForgetRequest:
    """Build a request from untrusted fields. Raises ``RequestError`` in plain words."""
    return parse(ForgetRequest, fields)
