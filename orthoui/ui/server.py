"""The dashboard's process: Streamlit serves ``app.py``, and what the first page needs is loaded meanwhile.

Started by ``orthoui run`` as ``python -m orthoui.ui.server APP [streamlit options]``.
"""

import atexit
import gc
import logging
import sys
import threading

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Load libraries, images and the default model before the first visitor asks for them."""
    try:
        from orthoui.ui.warm import load_first_page

        load_first_page()
    except Exception:  # only a head start: the page itself tells a person what is wrong
        log.warning("Loading ahead failed; the first page loads what it needs itself.", exc_info=True)


def take_up_jobs() -> None:
    """Go on with the jobs that an earlier server left, and look after new ones."""
    try:
        from orthoui.ui.warm import recover_jobs

        recover_jobs()
    except Exception:  # the pages work without, and the Jobs page tells a person what is wrong
        log.warning("The jobs of an earlier server could not be taken up.", exc_info=True)


def set_apart() -> None:
    """Take what is loaded by now, libraries above all, out of every later search for garbage.

    Streamlit searches everything after each run of a page or of a part of it, and the interpreter stands still
    meanwhile: 0.3 s with the half million objects that are there from the start and stay.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or libraries complain at the end that their objects are still there


def prepare() -> None:
    """Do what the first visitor should not wait for, then what nobody waits for."""
    warm_up()
    set_apart()
    take_up_jobs()


def main() -> None:
    """Serve the app until the process is stopped."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli

    # The folder `pages` would switch Streamlit to its older multipage mode until app.py has run once, and the
    # first visitor with a deep link after a restart would read “page not found”.
    PagesManager.uses_pages_directory = False
    threading.Thread(target=prepare, daemon=True, name="warm-up").start()
    cli.main(["run", *sys.argv[1:]])


if __name__ == "__main__":
    main()
