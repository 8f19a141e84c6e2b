"""The Methods page with results on it: the test itself plays the worker."""

from streamlit.testing.v1 import AppTest

from orthoui.ledger import Run, RunFilter, ledger
from tests.pages.engines import carry_out
from tests.pages.opening import opened, run

METHODS = "pages/lab/methods.py"
QUICK = "soft-pruning~logit-mask"


def queued() -> dict[str, Run]:
    return {run.method or "": run for run in ledger().find(RunFilter(kind=("method",)))}


def ran(methods: str = QUICK) -> AppTest:
    """The page after these methods and their baselines were run on it."""
    app = opened(METHODS, classes="7", methods=methods)
    app.button(key="methods_run").click()
    run(app)
    for job in queued().values():
        carry_out(job.id)
    return run(app)


def table(app: AppTest) -> dict[str, dict[str, object]]:
    (found,) = (frame.value for frame in app.dataframe if "forget_test" in frame.value.columns)
    return {row["method"]: row for row in found.to_dict("records")}
