"""What the first page needs, loaded once for the whole process."""

import logging
from importlib import import_module

from orthoui.evaluation.variants import original
from orthoui.models.device import fast_dtype
from orthoui.models.zoo import default_model, zoo
from orthoui.ui import forget_panel
from orthoui.ui.link import PREFERRED_CLASS
from orthoui.ui.thumbnails import class_thumbnails

log = logging.getLogger(__name__)


def load_first_page() -> None:
    """Load the default model, its images and its reference; run a first small batch, the slowest of all."""
    model = zoo().get(default_model(zoo()))
    data = model.data()
    class_thumbnails(data.name)
    fast_dtype(model.device)
    zoo().reference(model, (PREFERRED_CLASS,))
    original(model).complete(data["calibration"].subset(data["calibration"].of_class(0)))
    _ = forget_panel.forget_panel  # its import brings the rest of the libraries
    import_module("sklearn.svm")  # the attacks at the end of the first page need it


def recover_jobs() -> None:
    """Take over what a killed server left behind. Not before the first page: it waits for libraries and a database.

    The modules of the works are not needed for it: a worker imports the one that its run names.
    """
    from orthoui.jobs.engine import engine

    for run in engine().recover():
        log.info("Taken over from an earlier server: %s (%s)", run.title, run.state)
