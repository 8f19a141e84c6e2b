"""What the paper prints, typed: facts of arXiv 2506.19891 v1, read from ``assets/paper/printed.json``.

The reading behind the numbers: the columns are A_u then A_r; the forgotten CIFAR-10 class of Tables 1 to 3 is class 1
and the network of the appendix is the orthogonal one, because the same numbers stand in both places; Table 3(b) is
taken to prune 5 % of the channels, because its row 0.4 is the method's row of Table 2. None has a spread.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from orthoui.settings import assets_folder

Quantity = Literal["forget_accuracy", "retain_accuracy", "membership", "seconds", "peak", "peak_after", "drift"]
Numbers = Mapping[Quantity, float]
"""Percent, seconds for ``seconds``, the activation's own unit for peaks, 0 … 1 for ``drift``."""

FORGET_CLASS = 1
"""The class forgotten in Tables 1 to 3: by its appendix row on CIFAR-10, not said on the other data sets."""
PAPER_WIDTH = 64
"""Channels of the first stage of the paper's networks."""
STRENGTH = 0.4
FILE = "paper/printed.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """Where the numbers are printed."""

    title: str
    authors: tuple[str, ...]
    arxiv: str
    version: str
    submitted: str


class Trained(_Frozen):
    """A row of Table 1: both networks before anything is forgotten."""

    dataset: str
    architecture: str
    plain: Numbers
    orthogonal: Numbers


class Compared(_Frozen):
    """A row of Table 2: one method on one network."""

    dataset: str
    architecture: str
    method: str
    values: Numbers


class AtRatio(_Frozen):
    """A row of Table 3(a)."""

    ratio: float
    orthogonal: Numbers
    plain: Numbers


class AtStrength(_Frozen):
    """A row of Table 3(b)."""

    strength: float
    orthogonal: Numbers


class OneClass(_Frozen):
    """A row of the appendix: one class forgotten, without and with fine-tuning."""

    dataset: str
    architecture: str
    forget_class: int
    raw: Numbers
    pruned: Numbers
    fine_tuned: Numbers


class Printed(_Frozen):
    """All printed numbers. Tables 3(a) and 3(b) are for CIFAR-10 and ResNet-18."""

    schema_version: Literal[1]
    source: Source
    table_1: tuple[Trained, ...]
    table_2: tuple[Compared, ...]
    table_3a: tuple[AtRatio, ...]
    table_3b: tuple[AtStrength, ...]
    appendix: tuple[OneClass, ...]


@lru_cache(maxsize=1)
def printed() -> Printed:
    """Return the printed numbers, read once."""
    return Printed.model_validate_json((assets_folder() / FILE).read_bytes())
