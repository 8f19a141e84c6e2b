"""``orthoui tune``: settings are tried on calibration images, a stopped search goes on, and the best is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from orthoui.errors import CancelledError, RequestError
from orthoui.jobs import search as module
from orthoui.jobs.context import read_log
from orthoui.jobs.execute import execute, run_here
from orthoui.jobs.search import KIND, TRIED_FILE, Searched, SearchRequest, Tried, candidates, searched
from orthoui.ledger import RunFilter, ledger
from orthoui.methods import METHODS
from orthoui.methods.base import MethodRequest
from orthoui.models.zoo import zoo
from tests.cli.calling import answer, call, refusal

LINE = "tune --model tiny --classes 1 --methods boundary-shrink"
ASKED = SearchRequest(model="tiny", method="boundary-shrink", classes=(1,))


def tried(forgotten: float | None, kept: float | None, **settings: float) -> Tried:
    return Tried(settings=settings, forgotten=forgotten, kept=kept, seconds=1.0)


def test_every_setting_is_tried_once_and_the_best_can_be_measured(home: Path) -> None:
    said = answer(LINE)
    found = said["methods"]["boundary-shrink"]
    rates = [one["settings"].get("learning_rate") for one in found["tried"]]
    assert rates == [None, 1e-6, 3e-6, 3e-5]  # the defaults first, and not a second time
    assert found["best"] in found["tried"]
    assert all(0 <= one["forgotten"] <= 100 for one in found["tried"])
    assert found["command"].startswith("orthoui compare --model tiny --classes 1 --methods original,boundary-shrink")
    assert call(found["command"].removeprefix("orthoui ")).exit_code == 0
    run = ledger().find(RunFilter(kind=(KIND,)))[0]
    assert run.metrics["search"]["tried"] == found["tried"]
    assert read_log(run).count("% left, others") == 4
    assert searched(ledger(), zoo().get("tiny"), "boundary-shrink", (1,)) is not None
    assert searched(ledger(), zoo().get("tiny"), "boundary-shrink", (0,)) is None


def test_only_calibration_images_are_looked_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zoo().get("tiny").data()
    seen: list[str] = []
    complete = module.Predictor.complete
    monkeypatch.setattr(
        module.Predictor,
        "complete",
        lambda self, images: (seen.append(images.digest), complete(self, images))[1],
    )
    answer(LINE)
    assert set(seen) == {data["calibration"].digest} != {data["test"].digest}


def test_people_see_what_was_tried(home: Path) -> None:
    said = call(LINE).stdout
    assert "Boundary Shrink: 4 settings" in said
    assert "learning_rate = 3e-06" in said
    assert "defaults" in said


def test_a_stopped_search_goes_on_behind_what_it_tried(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlearn, calls = module.unlearn, list[Any]()

    def watched(method: Any, model: Any, data: Any, request: MethodRequest, watch: Any) -> Any:
        calls.append(request)
        if len(calls) == 3:
            raise CancelledError("Stopped.")
        return unlearn(method, model, data, request, watch)

    monkeypatch.setattr(module, "unlearn", watched)
    with pytest.raises(CancelledError):
        run_here(KIND, ASKED, "Search")
    run = ledger().find(RunFilter(kind=(KIND,)))[0]
    assert run.folder is not None
    kept = json.loads((Path(run.folder) / TRIED_FILE).read_text())
    assert len(kept) == 2
    again = ledger().queue.retry(run.id, "here:1:1")
    ticket = ledger().queue.hand_out(run.id, "here:1:1")
    assert again.attempt >= 1 and ticket is not None
    assert execute(run.id, ticket) is None
    done = ledger().get(run.id).metrics["search"]["tried"]
    assert len(calls) == 5  # two, the stopped one, and the two that were left
    assert done[:2] == kept and len(done) == 4


def test_what_another_search_left_in_the_folder_is_not_taken(home: Path, tmp_path: Path) -> None:
    class Place:
        folder = tmp_path

    for text in ("nothing", "3", '[{"settings": {"learning_rate": 5}, "forgotten": 1, "kept": 1, "seconds": 1}]'):
        (tmp_path / TRIED_FILE).write_text(text, encoding="utf-8")
        assert module._kept(Place(), [{}, {"learning_rate": 1}]) == []  # type: ignore[arg-type]


def test_a_setting_that_is_refused_is_left_aside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlearn = module.unlearn

    def picky(method: Any, model: Any, data: Any, request: Any, watch: Any) -> Any:
        if request.learning_rate != 1e-6:
            raise RequestError("Not with that rate.")
        return unlearn(method, model, data, request, watch)

    monkeypatch.setattr(module, "unlearn", picky)
    found = answer(LINE)["methods"]["boundary-shrink"]
    assert [one["forgotten"] is None for one in found["tried"]] == [True, False, True, True]
    assert found["best"]["settings"] == {"learning_rate": 1e-6}
    monkeypatch.setattr(module, "unlearn", lambda *given: (_ for _ in ()).throw(RequestError("Never.")))
    assert refusal(LINE) == "Boundary Shrink failed with every setting that was tried. The log says why."


def test_the_best_reaches_the_goal_and_keeps_most() -> None:
    able = Searched(before=90, tried=(tried(98, 90), tried(4, 86, a=1), tried(0, 88, a=2), tried(0, 84, a=3)))
    assert able.best == able.tried[2] and able.reached
    unable = Searched(before=90, tried=(tried(98, 90), tried(30, 89, a=1), tried(0, 50, a=2), tried(None, None)))
    assert unable.best == unable.tried[1] and not unable.reached
    assert Searched(before=90, tried=(tried(None, None),)).best is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tune --model tiny --classes 1 --methods fine-tune", "Fine-tune names no settings to search."),
        ("tune --model tiny --classes 0,1,2 --methods ssd", "All 3 classes cannot be forgotten"),
        ("tune --model tiny --classes 1 --methods ,", "Name at least one class"),
        ("tune --model tiny --classes 1 --methods nosuch", "There is no method “nosuch”"),
    ],
)
def test_what_cannot_be_searched_is_refused(home: Path, line: str, sentence: str) -> None:
    assert sentence in refusal(line)


def test_every_search_of_a_method_can_be_made(home: Path) -> None:
    model = zoo().get("tiny")
    searching = [name for name in METHODS if METHODS[name].search]
    assert {"ssd", "unsir", "boundary-expand", "gradient-ascent", "neggrad-plus"} <= set(searching)
    for name in searching:
        tries = candidates(METHODS[name], model, (1,))
        assert tries[0] == {} and 3 <= len(tries) <= 12
        assert METHODS[name].forgets and not METHODS[name].control
        assert "held-out images" not in METHODS[name].needs  # it would be judged by images it has learned from
