"""The Methods page: runs that were made before there was a retrained model are measured against it afterwards."""

import pytest

from orthoui.data import Dataset
from orthoui.errors import CancelledError
from orthoui.evaluation.comparison import AgainstReference
from orthoui.jobs import distance
from orthoui.jobs.execute import execute
from orthoui.ledger import RunFilter, ledger
from tests.pages.engines import SERVER, Engine, carry_out, install
from tests.pages.methods_page import queued, ran, table
from tests.pages.opening import run, text


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> Engine:
    return install(monkeypatch)


def cancelled(*_: object, **__: object) -> AgainstReference:
    raise CancelledError("The measurement was cancelled.")


def test_distances_are_measured_afterwards_where_the_retrained_model_came_later(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as early:
        early.setattr("orthoui.jobs.method.reference_for", lambda *_: None)
        app = ran("soft-pruning~logit-mask")
    assert table(app)["Soft pruning"]["distance"] is None
    assert "2 runs were measured before there was a retrained model" in text(app)
    app.button(key="methods_measure_distance").click()
    run(app)
    (job,) = ledger().find(RunFilter(kind=("distance",)))
    assert "methods_measure_distance" not in {button.key for button in app.button}
    with monkeypatch.context() as stopped:
        answers = iter([distance.against_reference])
        stopped.setattr(distance, "against_reference", lambda *found, **how: next(answers, cancelled)(*found, **how))
        ticket = ledger().queue.hand_out(job.id, SERVER)
        assert ticket is not None and isinstance(execute(job.id, ticket), CancelledError)
    engine.retry(job.id)
    assert carry_out(job.id).metrics == {"measured": 1, "of": 1}  # it goes on behind what it had measured
    run(app)
    (shown,) = (frame for frame in app.dataframe if "forget_test" in frame.value.columns)
    assert "seconds" in shown.proto.column_order and "relearn" not in shown.proto.column_order  # nobody asked for it
    later = table(app)["Soft pruning"]["distance"]
    assert isinstance(later, float) and later > 0
    assert "before there was a retrained model" not in text(app)
    soft = queued()["soft-pruning"]
    assert ledger().get(soft.id).metrics["similarity_retrained"]["forget"]
