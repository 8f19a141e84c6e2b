"""On what a table is measured, and how often: everything ``orthoui reproduce`` can be asked.

The command line reads this before it knows what is asked for, so nothing here loads torch before it is needed.
"""

import shlex
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from orthoui.forgetting.request import ReadAt
from orthoui.paper.printed import FORGET_CLASS, PAPER_WIDTH

TableName = Literal["table-1", "table-2", "table-3a", "table-3b", "appendix", "figure-1", "figure-3"]
TABLES: tuple[TableName, ...] = get_args(TableName)
TABLE_TITLES: dict[TableName, str] = {
    "table-1": "Table 1", "table-2": "Table 2", "table-3a": "Table 3(a)", "table-3b": "Table 3(b)",
    "appendix": "Appendix", "figure-1": "Figure 1", "figure-3": "Figure 3",
}  # fmt: skip
PRINTED_AS = {"resnet18": "resnet18", "resnet50": "resnet50", "vgg16": "vgg16", "vgg16_bn": "vgg16"}
"""Our architectures by the name they are printed under; the paper does not say whether its VGG has batch norms."""
EMBEDDED_WIDTH = 16


class Setting(BaseModel):
    """The networks and images a table is measured on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(default="cifar10", min_length=1, max_length=200, title="Data set", description="data set")
    architecture: str = Field(
        default="resnet18", min_length=1, max_length=200, description="kind of network, by name"
    )
    width: int = Field(
        default=PAPER_WIDTH, ge=4, le=512, description="channels of the first stage; the paper's is 64"
    )
    orthogonality: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="weight λ of the orthogonal network, where there are several",
    )
    read_at: ReadAt = Field(default="bn", description="where responses are read; the paper does not say")
    forget_class: int = Field(
        default=FORGET_CLASS, ge=0, le=10_000, description="class forgotten in Tables 1 to 3 and in the figures"
    )

    @property
    def title(self) -> str:
        """What is measured, in words, e.g. “CIFAR-10, ResNet-18, width 64”."""
        from orthoui.models.architectures import TITLES

        parts = [dataset_title(self.dataset), TITLES.get(self.architecture, self.architecture), f"width {self.width}"]
        parts += [f"λ {self.orthogonality:g}"] if self.orthogonality else []
        parts += [f"read at {self.read_at}"] if self.read_at != "bn" else []
        parts += [f"forgetting class {self.forget_class}"] if self.forget_class != FORGET_CLASS else []
        return ", ".join(parts)

    @property
    def is_the_papers(self) -> bool:
        """Whether the paper prints numbers for such a network on such images, so that they compare."""
        return (
            self.width == PAPER_WIDTH
            and self.architecture in PRINTED_AS
            and self.dataset in ("cifar10", "cifar100", "tinyimagenet")
            and self.forget_class == FORGET_CLASS
        )

    @property
    def name(self) -> str:
        """Its name in a file's name; what is not the usual choice stands in it."""
        parts = [self.dataset, self.architecture.replace(":", "-").replace("/", "-"), f"w{self.width}"]
        parts += [f"lambda{self.orthogonality:g}"] if self.orthogonality else []
        parts += [f"read-at-{self.read_at}"] if self.read_at != "bn" else []
        parts += [f"class{self.forget_class}"] if self.forget_class != FORGET_CLASS else []
        return "-".join(parts)

    def file_name(self, table: TableName) -> str:
        """Name of the table's file."""
        return f"{table}-{self.name}.json"


class ReproduceRequest(Setting):
    """One table to measure. What is measured already, with the same weights, images and request, stays."""

    table: TableName
    seeds: int = Field(default=3, ge=1, le=100, description="draws of the five images; each is measured")
    trainings: int = Field(
        default=3,
        ge=1,
        le=100,
        description="models of different training seeds to measure at most",
    )
    fine_tune: bool = Field(
        default=False, description="measure the fine-tuned column of the appendix too; it takes the longest by far"
    )
    out: Path | None = Field(
        default=None, description="folder that the table is written to; none: paper in the home folder"
    )

    @property
    def setting(self) -> Setting:
        """The part that says on what is measured."""
        return Setting(**{name: getattr(self, name) for name in Setting.model_fields})

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"Measure {TABLE_TITLES[self.table]} of the paper on {self.setting.title}"

    @property
    def command(self) -> str:
        """The command that does the same."""
        return command(self.table, self.setting, seeds=self.seeds, trainings=self.trainings, fine_tune=self.fine_tune)


def command(
    table: TableName, setting: Setting, *, seeds: int = 3, trainings: int = 3, fine_tune: bool = False
) -> str:
    """Return the command that measures a table on a setting."""
    words = [f"orthoui reproduce {table} --dataset {shlex.quote(setting.dataset)}"]
    words.append(f"--architecture {shlex.quote(setting.architecture)} --width {setting.width}")
    words += [f"--orthogonality {setting.orthogonality:g}"] if setting.orthogonality else []
    words += [f"--read-at {setting.read_at}"] if setting.read_at != "bn" else []
    words += [f"--forget-class {setting.forget_class}"] if setting.forget_class != FORGET_CLASS else []
    words += [f"--seeds {seeds}"] if seeds != 3 else []
    words += [f"--trainings {trainings}"] if trainings != 3 else []
    words += ["--fine-tune"] if fine_tune else []
    return " ".join(words)


def dataset_title(name: str) -> str:
    """Return the name of a data set that a person reads."""
    from orthoui.data.known import KNOWN

    known = KNOWN.get(name)
    return known.title if known else {"fashion-mnist": "Fashion-MNIST"}.get(name, name)


def paper_settings() -> tuple[Setting, ...]:
    """Return the settings the paper prints, in its order of work: CIFAR-10 first."""
    return tuple(
        Setting(dataset=dataset, architecture=architecture)
        for dataset in ("cifar10", "cifar100", "tinyimagenet")
        for architecture in ("resnet18", "resnet50", "vgg16_bn")
    )


EMBEDDED = Setting(dataset="fashion-mnist", width=EMBEDDED_WIDTH)
"""The images and networks that are always there."""
