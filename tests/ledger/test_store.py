"""What pages and commands do with the ledger."""

import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orthoui.errors import RequestError, UnknownNameError
from orthoui.ledger import SORTABLE, Ledger, NewRun, Result, RunFilter, close_ledger, ledger, new_id
from orthoui.ledger.values import request_digest
from tests.ledger.made import RESULT, new, queued, started


def titles(book: Ledger, chosen: RunFilter | None = None, **how: object) -> list[str]:
    return [run.title for run in book.find(chosen or RunFilter(), **how)]  # type: ignore[arg-type]


def test_a_finished_run_comes_back_as_it_went_in(book: Ledger) -> None:
    asked = new(method="osp", group="g1", tags=("paper", "lecture"), dataset="fashion_mnist", device="cpu")
    run = book.record(asked, RESULT)
    assert book.get(run.id) == run == book.find()[0]
    assert run.state == "done"
    assert run.ended
    assert run.model_dump(include=set(NewRun.model_fields)) == {
        **asked.model_dump(),
        "model_digest": "0123456789abcdef",
        "tags": ("lecture", "paper"),
    }
    assert run.metrics == {"forget_accuracy": 0.6, "forget_accuracy_interval": [0.2, 1.7]}
    assert run.request_digest == request_digest(asked.request)
    assert run.finished is not None
    assert run.started is not None
    assert run.finished - run.started == timedelta(seconds=0.755)
    assert run.created.tzinfo is UTC
    assert abs(datetime.now(UTC) - run.created) < timedelta(minutes=1)


def test_what_is_measured_later_is_added_to_a_finished_run_only(book: Ledger) -> None:
    run = book.record(new(), RESULT)
    book.add_metrics(run.id, {"distance": 0.5, "forget_accuracy": 0.7})
    assert book.get(run.id).metrics == {**run.metrics, "distance": 0.5, "forget_accuracy": 0.7}
    with pytest.raises(RequestError, match="only a finished run"):
        book.add_metrics(queued(book).id, {"distance": 0.5})
    with pytest.raises(RequestError):
        book.add_metrics("not-there", {"distance": 0.5})


def test_names_are_what_there_are_runs_of(book: Ledger) -> None:
    for model in ("b", "a", "b", None):
        book.record(new(model=model), RESULT)
    assert book.names("model") == ["a", "b"]
    assert book.names("kind") == ["forget"]
    with pytest.raises(UnknownNameError, match="kind, model, dataset"):
        book.names("title")


def test_only_jobs_and_the_same_request_can_be_asked_for(book: Ledger) -> None:
    job, recorded = queued(book), book.record(new(), RESULT)
    assert [run.id for run in book.find(RunFilter(jobs=True))] == [job.id]
    assert book.count(RunFilter(request_digest=recorded.request_digest, model_digest="0123456789abcdef")) == 1


def test_what_was_not_measured_is_never_zero(book: Ledger) -> None:
    run = book.record(new(), Result(metrics={"a": math.nan, "b": {"c": [math.inf, 1.5]}}))
    assert book.get(run.id).metrics == {"a": None, "b": {"c": [None, 1.5]}}


def test_any_text_is_taken(book: Ledger) -> None:
    run = queued(book, title="a\0b “ß” 😀 ' \" % _ \\", request={"path": "a\0b", "keys": {"ß": "c\ud800"}})
    assert book.get(run.id).title == "ab “ß” 😀 ' \" % _ \\"
    assert book.get(run.id).request == {"path": "a\0b", "keys": {"ß": "c?"}}
    started(book, run).fail("broken \0 half \ud800")
    assert book.get(run.id).error == "broken  half ?"


def test_the_order_of_a_request_does_not_change_its_digest() -> None:
    assert request_digest({"a": 1, "b": [2]}) == request_digest({"b": [2], "a": 1})
    assert request_digest({"a": 1}) != request_digest({"a": 2})
    assert re.fullmatch("[0-9a-f]{16}", request_digest({}))


def test_ids_sort_by_time_and_fit_into_an_address() -> None:
    ids = [new_id() for _ in range(2000)]
    assert ids == sorted(set(ids))
    assert re.fullmatch(r"\d{8}-\d{12}-[0-9a-z]{6}", ids[0])
    assert ids[0].startswith(datetime.now(UTC).strftime("%Y%m"))


def test_runs_are_filtered(book: Ledger) -> None:
    book.record(new(title="One", tags=("paper",), dataset="fashion_mnist"), RESULT)
    book.record(new(title="Two", kind="train", model="orthogonal", group="g"), RESULT)
    queued(book, title="Three 100% finished_", method="salun")
    assert titles(book, RunFilter(kind=("train",))) == ["Two"]
    assert titles(book, RunFilter(kind=("train", "forget"), state=("done",)), sort="title") == ["One", "Two"]
    assert titles(book, RunFilter(model="orthogonal")) == ["Two"]
    assert titles(book, RunFilter(dataset="fashion_mnist")) == ["One"]
    assert titles(book, RunFilter(group="g")) == ["Two"]
    assert titles(book, RunFilter(method="salun")) == ["Three 100% finished_"]
    assert titles(book, RunFilter(tag="paper")) == ["One"]
    assert titles(book, RunFilter(text="PLAIN one")) == ["One"]
    assert titles(book, RunFilter(text="0% finished_")) == ["Three 100% finished_"]
    assert titles(book, RunFilter(text="_n_")) == []
    assert book.count() == 3
    assert book.count(RunFilter(state=("done",))) == 2
    assert book.count_states() == {"done": 2, "queued": 1}


def test_runs_are_sorted_and_shown_page_by_page(book: Ledger) -> None:
    for title, method in (("B", "osp"), ("C", None), ("A", "salun")):
        book.record(new(title=title, method=method), RESULT)
    assert titles(book) == ["A", "C", "B"]
    assert titles(book, sort="created") == ["B", "C", "A"]
    assert titles(book, sort="-title") == ["C", "B", "A"]
    assert titles(book, sort="method") == ["B", "A", "C"]
    assert titles(book, sort="-method") == ["A", "B", "C"]
    assert titles(book, limit=1, offset=1, sort="title") == ["B"]
    for name in SORTABLE:
        assert len(titles(book, sort=name)) == 3
    with pytest.raises(UnknownNameError, match="no column to sort by “error”"):
        book.find(sort="error")


def test_tags_come_and_go(book: Ledger) -> None:
    one, two = book.record(new(), RESULT), book.record(new(), RESULT)
    book.tag([one.id, two.id], "  the   paper ")
    book.tag([one.id], "the paper")
    book.tag([one.id], "best")
    assert book.tags() == {"best": 1, "the paper": 2}
    assert book.get(one.id).tags == ("best", "the paper")
    book.untag([one.id, two.id], "the paper")
    book.untag([two.id], "never given")
    assert book.tags() == {"best": 1}
    with pytest.raises(RequestError, match="1 to 80 characters"):
        book.tag([one.id], " ")
    with pytest.raises(RequestError, match="no run “x”"):
        book.tag([two.id, "x"], "half")
    assert book.tags() == {"best": 1}


def test_deleting_takes_tags_and_the_own_folder_along(book: Ledger, tmp_path: Path) -> None:
    kept = book.record(new(tags=("a",)), RESULT)
    run = queued(book, tags=("a", "b"))
    folder = tmp_path / run.id
    folder.mkdir()
    ticket = book.queue.hand_out(run.id, "here:1:1")
    attempt = book.queue.start(run.id, ticket or 0, worker="w:1:1", folder=str(folder))
    assert attempt is not None
    with pytest.raises(RequestError, match="“Forget sneaker” is running: cancel it before you delete it"):
        book.delete([kept.id, run.id])
    assert book.count() == 2
    attempt.finish(RESULT)
    assert book.delete([run.id, "unknown"]) == 1
    assert not folder.exists()
    assert book.tags() == {"a": 1}
    with pytest.raises(RequestError, match="There is no run"):
        book.get(run.id)


def test_a_folder_that_is_not_the_runs_own_stays(book: Ledger, tmp_path: Path) -> None:
    run = queued(book)
    ticket = book.queue.hand_out(run.id, "here:1:1")
    attempt = book.queue.start(run.id, ticket or 0, worker="w:1:1", folder=str(tmp_path))
    assert attempt is not None
    attempt.finish(RESULT)
    book.delete([run.id])
    assert tmp_path.is_dir()


def test_typical_times_are_medians_of_what_was_measured(book: Ledger) -> None:
    where = {"kind": "method", "method": "salun", "dataset": "d", "architecture": "resnet18"}
    for seconds, device in ((1.0, "cpu"), (5.0, "cpu"), (2.0, "cuda")):
        book.record(new(device=device, **where), Result(timings={"optimisation": seconds, "evaluation": 0.5}))
    book.record(new(**where), Result())
    started(book, queued(book, **where)).fail("It failed.")
    key = ("method", "salun", "d", "resnet18")
    everywhere, on_cpu = book.typical_times(), book.typical_times(device="cpu")
    assert list(everywhere) == [key]
    assert (everywhere[key].seconds, everywhere[key].runs) == (2.5, 3)
    assert (on_cpu[key].seconds, on_cpu[key].runs) == (3.5, 2)


def test_the_process_has_one_ledger_in_its_home_folder(home: Path) -> None:
    assert ledger() is ledger()
    assert ledger().name == str(home / "ledger.sqlite")
    run = ledger().record(new(), RESULT)
    close_ledger()
    close_ledger()
    assert ledger().get(run.id) == run
