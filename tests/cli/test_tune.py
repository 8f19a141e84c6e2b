"""``orthoui tune``: settings are tried on calibration images, a stopped search goes on, and the best is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from orthoui.cli.tune import measuring
from orthoui.data import Dataset
from orthoui.errors import CancelledError, OrthoError, PausedError, RequestError
from orthoui.evaluation.accuracy import Estimate
from orthoui.jobs import search as module
from orthoui.jobs.context import Context, read_log
from orthoui.jobs.execute import execute, run_here
from orthoui.jobs.search import KIND, STATE_FILE, Searched, SearchRequest, Tried, candidates, latest_search
from orthoui.ledger import Progress, Run, RunFilter, ledger
from orthoui.methods import METHODS
from orthoui.models.zoo import zoo
from tests.cli.calling import answer, call, refusal
from tests.tiny import tiny_model

LINE = "tune --model tiny --classes 1 --methods boundary-shrink"
ASKED = SearchRequest(model="tiny", method="boundary-shrink", classes=(1,))
Unlearn = Callable[..., Any]


def tried(forgotten: float, kept: float, **settings: float) -> Tried:
    def share(value: float) -> Estimate:
        return Estimate(value=value, low=0, high=100, n=10)

    return Tried(settings=settings, forgotten=share(forgotten), kept=share(kept), seconds=1.0)


def hooked(monkeypatch: pytest.MonkeyPatch, before: Callable[[Any], None]) -> list[Any]:
    """Let ``before`` see every request that is unlearned; return the list of them."""
    unlearn, calls = module.unlearn, list[Any]()

    def watched(method: Any, model: Any, data: Any, request: Any, watch: Any) -> Any:
        calls.append(request)
        before(request)
        return unlearn(method, model, data, request, watch)

    monkeypatch.setattr(module, "unlearn", watched)
    return calls


def last_run() -> Run:
    return ledger().find(RunFilter(kind=(KIND,)), sort="-created")[0]


def tried_again(run: Run) -> Exception | None:
    ledger().queue.retry(run.id, "here:1:1")
    ticket = ledger().queue.hand_out(run.id, "here:1:1")
    assert ticket is not None
    return execute(run.id, ticket)


def test_every_setting_is_tried_once_and_the_best_can_be_measured(home: Path) -> None:
    found = answer(LINE)["methods"]["boundary-shrink"]
    rates = [one["settings"].get("learning_rate") for one in found["tried"]]
    assert rates == [None, 1e-6, 3e-6, 3e-5]  # the defaults first, and not a second time
    assert found["best"] in found["tried"]
    assert all(0 <= one["forgotten"]["value"] <= 100 for one in found["tried"])
    assert found["command"].startswith("orthoui compare --model tiny --classes 1 --methods original,boundary-shrink")
    assert call(found["command"].removeprefix("orthoui ")).exit_code == 0
    run = last_run()
    assert run.metrics["search"]["tried"] == found["tried"]
    assert read_log(run).count("% left, others") == 4
    model = zoo().get("tiny")
    assert latest_search(ledger(), model, model.data(), (1,), "boundary-shrink") is not None
    assert latest_search(ledger(), model, model.data(), (0,), "boundary-shrink") is None
    assert latest_search(ledger(), model, model.data(), (1,), "ssd") is None


def test_the_test_images_are_never_looked_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = Dataset.__getitem__

    def guarded(self: Dataset, name: Any) -> Any:
        if name == "test":
            raise AssertionError("the test images were looked at")
        return split(self, name)

    monkeypatch.setattr(Dataset, "__getitem__", guarded)
    assert len(answer(LINE)["methods"]["boundary-shrink"]["tried"]) == 4


def test_people_see_what_was_tried(home: Path) -> None:
    said = call(LINE).stdout
    assert "Boundary Shrink: 4 settings" in said
    assert "learning_rate = 3e-06" in said
    assert "defaults" in said


def test_progress_goes_from_nothing_to_all_and_never_back(home: Path) -> None:
    seen: list[Progress] = []
    run_here(KIND, ASKED, "Search", show=seen.append)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert {progress.message for progress in seen} == {f"Setting {number} of 4" for number in (1, 2, 3, 4)}


@pytest.mark.parametrize("stop", [CancelledError("Stopped."), PausedError("Later.")])
def test_a_stopped_search_goes_on_behind_what_it_tried(
    home: Path, monkeypatch: pytest.MonkeyPatch, stop: OrthoError
) -> None:
    def third(request: Any) -> None:
        if len(calls) == 3:
            raise stop

    calls: list[Any] = []
    calls = hooked(monkeypatch, third)
    with pytest.raises(type(stop)):
        run_here(KIND, ASKED, "Search")
    run = last_run()
    assert run.folder is not None
    kept = json.loads((Path(run.folder) / STATE_FILE).read_text())["tried"]
    assert len(kept) == 2
    if run.state == "paused":
        ledger().queue.resume(run.id, "here:1:1")
        ticket = ledger().queue.hand_out(run.id, "here:1:1")
        assert ticket is not None and execute(run.id, ticket) is None
    else:
        assert tried_again(run) is None
    done = ledger().get(run.id).metrics["search"]["tried"]
    assert len(calls) == 5  # two, the stopped one, and the two that were left
    assert done[:2] == kept and len(done) == 4


def test_a_pause_interrupts_a_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Context, "paused", lambda self: True)
    with pytest.raises(PausedError):
        run_here(KIND, ASKED, "Search")
    assert last_run().state == "paused"


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "3",
        '{"model": "another", "tried": [], "refused": [{}]}',
        '{"model": "DIGEST", "tried": [], "refused": [{"learning_rate": 7}]}',
        '{"model": "DIGEST", "tried": [{}], "refused": []}',
    ],
)
def test_what_another_search_left_is_not_taken_over(home: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def begin_with_state(self: Context, *given: Any, **named: Any) -> None:
        init(self, *given, **named)
        (self.folder / STATE_FILE).write_text(text.replace("DIGEST", zoo().get("tiny").digest), encoding="utf-8")

    init = Context.__init__
    monkeypatch.setattr(Context, "__init__", begin_with_state)
    run_here(KIND, ASKED, "Search")
    assert len(last_run().metrics["search"]["tried"]) == 4


def test_a_setting_that_fails_or_diverges_is_left_aside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlearn = module.unlearn

    def picky(method: Any, model: Any, data: Any, request: Any, watch: Any) -> Any:
        if request.learning_rate == 1e-6:
            raise RequestError("Not with that rate.")
        done = unlearn(method, model, data, request, watch)
        if request.learning_rate == 3e-6:
            with torch.no_grad():
                next(done.network.parameters()).fill_(torch.nan)
        return done

    monkeypatch.setattr(module, "unlearn", picky)
    found = answer(LINE)["methods"]["boundary-shrink"]
    assert found["refused"] == [{"learning_rate": 1e-6}, {"learning_rate": 3e-6}]
    assert [one["settings"] for one in found["tried"]] == [{}, {"learning_rate": 3e-5}]
    assert "Not with that rate." in read_log(last_run())
    assert "failed, see its log" in call(LINE).stdout


def test_when_all_settings_fail_that_is_a_failure_and_can_be_tried_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(request: Any) -> None:
        raise RequestError("Never.")

    calls = hooked(monkeypatch, never)
    failed = call(f"{LINE} --json")
    assert failed.exit_code == 1
    (row,) = json.loads(failed.stdout)["methods"].values()
    assert row["error"] == "Boundary Shrink failed with every setting that was tried. The log says why."
    assert tried_again(last_run()) is not None
    assert len(calls) == 8


def test_one_method_that_fails_does_not_end_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(request: Any) -> None:
        if hasattr(request, "epsilon"):
            raise RequestError("Not this one.")

    hooked(monkeypatch, picky)
    rows = answer("tune --model tiny --classes 1 --methods boundary-shrink,gradient-ascent,boundary-shrink")[
        "methods"
    ]
    assert list(rows) == ["boundary-shrink", "gradient-ascent"]
    assert "failed with every setting" in rows["boundary-shrink"]["error"]
    assert len(rows["gradient-ascent"]["tried"]) == 8


def test_the_command_names_classes_whose_names_look_like_numbers() -> None:
    one = tried(0, 90)
    found = Searched(tried=(one,), before=90)
    model = tiny_model(classes=("1", "2", "3", "4"))
    assert "--classes 1,3 --methods" in measuring(model, (0, 2), "ssd", found)
    assert "--classes 0,2 --methods" in measuring(tiny_model(), (0, 2), "ssd", found)


def test_the_best_reaches_the_goal_and_keeps_most() -> None:
    able = Searched(before=90, tried=(tried(98, 90), tried(4, 88.5, a=1), tried(0, 88, a=2), tried(0, 86, a=3)))
    assert able.best == able.tried[2] and able.reached
    unable = Searched(before=90, tried=(tried(98, 90), tried(30, 89, a=1), tried(0, 50, a=2)))
    assert unable.best == unable.tried[1] and not unable.reached


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tune --model tiny --classes 1 --methods fine-tune", "Fine-tune names no settings to search. These do: "),
        ("tune --model tiny --classes 0,1,2 --methods ssd", "All 3 classes cannot be forgotten"),
        ("tune --model tiny --classes 1 --methods ,", "Name at least one class"),
        ("tune --model tiny --classes 1 --methods nosuch", "There is no method “nosuch”"),
        ("tune --model tiny --classes 1 --methods sisa", "SISA needs what only training can leave behind"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(home: Path, line: str, sentence: str) -> None:
    assert sentence in refusal(line)
    assert not ledger().find(RunFilter(kind=(KIND,)))


def test_a_method_says_what_is_searched(home: Path) -> None:
    assert answer("methods ssd")["search"]["dampening"] == [1, 5]
    assert "“orthoui tune” tries: selection 10, 12" in call("methods ssd").stdout
    assert "orthoui tune" not in call("methods fine-tune").stdout


def test_every_search_of_a_method_can_be_made(home: Path) -> None:
    model = zoo().get("tiny")
    searching = [name for name in METHODS if METHODS[name].search]
    assert {"ssd", "unsir", "boundary-expand", "gradient-ascent", "neggrad-plus"} <= set(searching)
    for name in searching:
        tries = candidates(METHODS[name], model, (1,))
        assert tries[0] == {} and 3 <= len(tries) <= 12
        assert METHODS[name].forgets and not METHODS[name].control
        assert "held-out images" not in METHODS[name].needs  # it would be judged by images it has learned from
