"""Every error a person can meet: what was asked, what is allowed, what to do next."""

from collections.abc import Iterable

LONGEST_SHOWN = 60
"""Characters of what was asked that are repeated in a sentence."""


def shortened(text: str) -> str:
    """Cut what a person typed to a length that a sentence can carry."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 2] + " …"


class OrthoError(Exception):
    """Base of all errors that OrthoUI raises on purpose; its text is shown to people as it is."""


class RequestError(OrthoError):
    """A request asks for something outside its declared bounds."""


class UnknownNameError(RequestError):
    """A model, class, layer, data set or option of that name does not exist."""

    def __init__(self, kind: str, asked: object, allowed: Iterable[object], more: str = "") -> None:
        names = [str(name) for name in allowed]
        shown = ", ".join(names[:24]) + (f", … ({len(names)} in all)" if len(names) > 24 else "")
        super().__init__(
            f"There is no {kind} “{shortened(str(asked))}”. Choose one of: {shown or 'none is available'}."
            + (f" {more}" if more else "")
        )


class CheckpointError(OrthoError):
    """A checkpoint file is damaged, mislabelled, or was not written by OrthoUI."""


class ImageError(OrthoError):
    """An image cannot be used: not an image, too large, or damaged."""


class DatasetError(OrthoError):
    """A data set is missing or damaged."""


class DamagedError(DatasetError):
    """The files of a data set are there, but cannot be read."""


class DeviceError(OrthoError):
    """The requested compute device does not exist on this machine."""


class ResourceError(OrthoError):
    """The machine lacks what a computation needs, for example memory."""


class CancelledError(OrthoError):
    """A long computation was cancelled by the person who started it."""


class LedgerError(OrthoError):
    """The database of runs cannot be opened, read or written."""


class SupersededError(OrthoError):
    """A worker writes to a run that was meanwhile given to another one; nothing of it was stored."""


class PausedError(OrthoError):
    """A long computation stopped at a checkpoint because a pause was asked for."""


class SchedulerError(OrthoError):
    """The workers that carry out jobs cannot be started or reached."""
