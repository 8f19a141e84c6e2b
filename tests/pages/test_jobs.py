"""The Jobs page and the line in the frame: what runs, what waits, what came of it, what can be done."""

import pytest

from orthoui.jobs.fetch import FetchRequest
from orthoui.jobs.train import TrainRequest
from orthoui.ledger import NewRun, Progress, Result, ledger
from orthoui.training.recipe import Recipe
from tests.pages.engines import Engine, begin, install
from tests.pages.opening import heading, opened, run, text

JOBS, RUNS = "pages/lab/jobs.py", "pages/lab/runs.py"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return install(monkeypatch)


def training(engine: Engine, name: str) -> str:
    request = TrainRequest(recipe=Recipe(), name=name)
    return engine.submit("train", request, f"Train {name}", identity=request.identity)


def links(app: object) -> list[str]:
    return [link.proto.label for link in app.get("page_link")]  # type: ignore[attr-defined]


def test_without_jobs_the_page_says_what_jobs_are() -> None:
    app = opened(JOBS)
    assert heading(app) == "No job has been started yet."
    assert "Such work is done beside the dashboard" in text(app)
    assert links(app) == ["Train a network"]  # and no line in the frame


def test_jobs_stand_there_with_progress_and_buttons(engine: Engine) -> None:
    first, second = training(engine, "first"), training(engine, "second")
    begin(first, Progress(step=35, steps=100, loss=0.5, message="Epoch 2 of 5", seconds_left=75))
    app = opened(JOBS)
    assert heading(app) == "One job is running, one waits: 35 % done."
    assert links(app) == ["1 job running · 35 % · 1 waiting"]
    bar = app.get("progress")[0].proto
    assert (bar.value, bar.text) == (35, "Epoch 2 of 5 · step 35 of 100 · loss 0.500 · 1 min 15 s left")
    app.button(key=f"job_cancel_{second}").click()
    run(app)
    assert ledger().get(second).state == "cancelled"
    assert "**Ended**" in text(app)
    app.button(key=f"job_retry_{second}").click()
    run(app)
    assert ledger().get(second).state == "queued"


def test_the_line_is_on_every_page_while_jobs_run(engine: Engine) -> None:
    run_id = training(engine, "first")
    app = opened(RUNS)
    assert "1 job waiting" in links(app)
    attempt = begin(run_id, Progress(step=1, steps=4))
    second = training(engine, "second")
    run(app)
    assert "1 job running · 25 % · 1 waiting" in links(app)
    engine.cancel(second)
    attempt.finish(Result())
    run(app)
    assert links(app) == ["Forget a class"]


def test_a_download_cannot_be_paused_and_shows_its_stage(engine: Engine) -> None:
    request = FetchRequest(name="cifar10")
    run_id = engine.submit("get-dataset", request, request.title, identity=request.identity)
    begin(run_id, Progress(step=500, steps=1000, message="Downloading: 85 of 170 MB"))
    app = opened(JOBS)
    assert app.get("progress")[0].proto.text == "Downloading: 85 of 170 MB"
    assert [button.label for button in app.button] == ["Cancel"]


def test_what_cannot_be_done_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = training(engine, "first")
    app = opened(JOBS)
    ledger().queue.cancel(run_id)
    ledger().delete([run_id])
    app.button(key=f"job_cancel_{run_id}").click()
    run(app)
    assert any("There is no run" in warning.value for warning in app.warning)


def test_why_jobs_do_not_start_is_said(engine: Engine) -> None:
    engine.problem = "No worker is connected to the scheduler yet; queued jobs wait for one."
    training(engine, "first")
    assert [warning.value for warning in opened(JOBS).warning] == [engine.problem]


def test_a_recorded_forgetting_is_no_job() -> None:
    ledger().record(NewRun(kind="forget", title="Forget Sneaker"), Result())
    assert heading(opened(JOBS)) == "No job has been started yet."
