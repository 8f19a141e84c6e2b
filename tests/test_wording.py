"""How refused values are put into words."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orthoui.errors import RequestError
from orthoui.wording import bounds, joined, parse, range_words, title


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(default=0, ge=0, le=0.5, title="Share of all")
    many: int = Field(default=1, ge=1, le=1_000_000)
    rate: float = Field(default=1, gt=0, le=10)
    part: float = Field(default=0, ge=0, lt=1)
    least: float = Field(default=0, ge=-2)
    kind: Literal["plain", "fancy"] = "plain"
    place: str = Field(default="here", pattern="^(here|there)$", description="Where: here or there.")
    items: tuple[int, ...] = Field(default=(1,), min_length=1, max_length=3)
    checked: str = "yes"

    @field_validator("checked")
    @classmethod
    def _yes(cls, text: str) -> str:
        if text != "yes":
            raise ValueError("only yes is understood")
        return text

    @model_validator(mode="after")
    def _together(self) -> "Asked":
        if self.share == 0.25 and self.many == 25:
            raise ValueError("share and many cannot both be 25.")
        return self


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"share": 0.9}, "Share of all cannot be 0.9: choose a number from 0 to 0.5."),
        ({"share": "0.9"}, "Share of all cannot be 0.9: choose a number from 0 to 0.5."),
        ({"share": -1}, "Share of all cannot be -1: choose a number from 0 to 0.5."),
        ({"share": "much"}, "Share of all cannot be “much”: choose a number from 0 to 0.5."),
        ({"many": 0}, "Many cannot be 0: choose a whole number from 1 to 1,000,000."),
        ({"many": 1.5}, "Many cannot be 1.5: choose a whole number from 1 to 1,000,000."),
        ({"rate": 0}, "Rate cannot be 0: choose a number above 0 and of at most 10."),
        ({"part": 1}, "Part cannot be 1: choose a number of at least 0 and below 1."),
        ({"least": -3}, "Least cannot be -3: choose a number of at least -2."),
        ({"kind": "odd"}, "Kind cannot be “odd”: choose plain or fancy."),
        ({"place": "away"}, "Place cannot be “away”: where: here or there."),
        ({"items": ()}, "Items: choose at least 1."),
        ({"items": (1, 2, 3, 4)}, "Items: choose at most 3."),
        ({"checked": "no"}, "Checked cannot be “no”: only yes is understood."),
        ({"colour": "red"}, "There is no option Colour."),
        ({"share": 0.25, "many": 25}, "Share and many cannot both be 25."),
    ],
)
def test_a_fault_is_one_sentence(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(Asked, fields)
    assert str(refused.value) == sentence


def test_every_fault_is_named() -> None:
    with pytest.raises(RequestError, match=r"^Share of all cannot be 7: .*\. Kind cannot be “odd”: .*\.$"):
        parse(Asked, {"share": 7, "kind": "odd"})


def test_what_was_asked_is_cut_when_long() -> None:
    with pytest.raises(RequestError) as refused:
        parse(Asked, {"kind": "x" * 5_000})
    assert len(str(refused.value)) < 150


def test_what_is_missing_is_named() -> None:
    class Needed(BaseModel):
        word: str

    with pytest.raises(RequestError, match=r"^Word is missing: give a value\.$"):
        parse(Needed, {})


def test_bounds_and_their_words() -> None:
    fields = Asked.model_fields
    assert bounds(fields["share"]) == (0, 0.5)
    assert bounds(fields["rate"]) == (None, 10)
    assert bounds(fields["kind"]) == (None, None)
    assert range_words(fields["share"]) == "from 0 to 0.5"
    assert range_words(fields["kind"]) is None
    assert title("images_per_class") == "Images per class"
    assert title("share", fields["share"]) == "Share of all"


def test_names_are_joined_as_in_a_sentence() -> None:
    assert [joined("ABC"[:count]) for count in (1, 2, 3)] == ["A", "A and B", "A, B and C"]
