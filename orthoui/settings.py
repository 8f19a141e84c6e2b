"""Where things live on this machine, and which device computes: all of it from the environment."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from orthoui.errors import RequestError
from orthoui.wording import explain


class Settings(BaseSettings):
    """Settings read from ``ORTHOUI_*`` environment variables; every one has a default that works."""

    model_config = SettingsConfigDict(env_prefix="ORTHOUI_", frozen=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("orthoui"),
        description="Folder of models trained or imported here and of cached activation profiles.",
    )
    data: Path | None = Field(
        default=None, description="Folder of data sets; the folder `data` in the home folder by default."
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Where to compute: auto, cpu, mps, cuda or cuda:N.",
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto",
        description="Number format of forward passes: auto takes bfloat16 where the device is fast at it.",
    )
    memo_mb: int = Field(
        default=64, ge=1, le=65536, description="Memory for predictions that were already computed, in MB."
    )
    maps_mb: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Memory for what the layers before the first pruned one make of the images, in MB.",
    )
    models_mb: int = Field(
        default=2000, ge=1, le=1_000_000, description="Memory for models kept ready on the device, in MB."
    )
    unlearned_mb: int = Field(
        default=4000,
        ge=1,
        le=10_000_000,
        description="Disk for networks that methods left behind, in MB; the oldest leave first, never the newest.",
    )
    db: str | None = Field(
        default=None,
        min_length=1,
        description="Database of all runs, any SQLAlchemy URL; `ledger.sqlite` in the home folder by default.",
    )
    scheduler: str | None = Field(
        default=None,
        min_length=1,
        description="Address of the Dask scheduler that jobs are sent to; workers on this machine by default.",
    )
    methods: Path | None = Field(
        default=None,
        description="Folder of your own unlearning methods, Python files that are run; none by default.",
    )

    @field_validator("home", "data", "methods")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else folder.expanduser().resolve()

    @property
    def data_folder(self) -> Path:
        """Folder that holds data sets."""
        return self.data or self.home / "data"

    @property
    def cache_folder(self) -> Path:
        """Folder of results that can be recomputed at any time."""
        return self.home / "cache"

    @property
    def ledger_address(self) -> str | Path:
        """Database of all runs: a SQLAlchemy URL, or a file of SQLite."""
        return self.db or self.home / "ledger.sqlite"

    @property
    def runs_folder(self) -> Path:
        """Folder of checkpoints and logs, one folder for every run."""
        return self.home / "runs"

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """Folders searched for checkpoints: the shipped ones, then the user's own."""
        return (assets_folder() / "models", self.home / "models")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once. Raises ``RequestError`` for one that cannot be."""
    try:
        return Settings()
    except ValidationError as error:
        raise RequestError(f"{explain(error, Settings)} It comes from an ORTHOUI_ environment variable.") from error


def app_folder() -> Path:
    """Folder of ``app.py``: inside the package when installed from a wheel, else the checkout."""
    package = Path(__file__).resolve().parent
    bundled = package / "_app"
    return bundled if bundled.is_dir() else package.parent


def assets_folder() -> Path:
    """Folder of the shipped images and models."""
    return app_folder() / "assets"
