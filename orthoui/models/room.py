"""A device that may be full: smaller batches first, then the processor, and a sentence that says so."""

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from orthoui.errors import ResourceError

Result = TypeVar("Result")

CPU = torch.device("cpu")
SHRINK = 4
"""A batch that does not fit is divided by this."""

log = logging.getLogger(__name__)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device is full. The processor's allocator has no error class of its own."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


class Room:
    """How much is computed at once, and where. ``notices`` tell a person what had to give way."""

    def __init__(
        self,
        device: torch.device,
        batch: int = 1,
        smallest: int = 1,
        report: Callable[[str], object] = lambda notice: None,
    ) -> None:
        self.device = device
        self.batch = self._first_batch = batch
        self.notices: list[str] = []
        self._smallest = min(smallest, batch)
        self._report = report

    def fit(self, step: Callable[[torch.device, int], Result]) -> Result:
        """Return ``step(device, batch)``, called again with less until it fits. Raises ``ResourceError``."""
        while True:
            try:
                return step(self.device, self.batch)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
            self._shrink()  # outside the handler: a caught error keeps the tensors of its frames alive

    def over(self, count: int, step: Callable[[torch.device, slice], Result]) -> Iterator[Result]:
        """Yield ``step(device, part)`` for consecutive parts of ``count`` things, as large as fits."""
        start = 0
        while start < count:

            def part(device: torch.device, batch: int, start: int = start) -> tuple[int, Result]:
                stop = min(count, start + batch)
                return stop, step(device, slice(start, stop))

            start, result = self.fit(part)
            yield result

    def _shrink(self) -> None:
        if self.batch > self._smallest:
            self.batch = max(self._smallest, self.batch // SHRINK)
            self._note(f"The device ran out of memory; images are now computed {self.batch} at a time.")
        elif self.device != CPU:
            self.device, self.batch = CPU, self._first_batch
            self._note("The device has too little free memory; the processor computes instead, more slowly.")
        else:
            raise ResourceError(
                "There is not enough memory for a single small batch of images. Close other programs and try again."
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _note(self, notice: str) -> None:
        log.warning(notice)
        self.notices.append(notice)
        self._report(notice)
