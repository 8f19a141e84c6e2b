"""Jobs in words: states, progress, times, the sentence above them."""

from datetime import UTC, datetime, timedelta

import pytest

from orthoui.ledger import Progress, Run
from orthoui.ui.jobs import words

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_run(**fields: object) -> Run:
    given = {
        "kind": "train",
        "title": "Train it",
        "id": "1",
        "state": "running",
        "request_digest": "",
        "created": NOW,
    }
    return Run.model_validate(given | fields)


def halfway() -> Run:
    return a_run(progress=Progress(step=1, steps=2))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": "queued"}, "waiting for a free worker and device"),
        ({"requested": "cancel"}, "running, stops in a moment"),
        ({"requested": "pause"}, "running, pauses at its next checkpoint"),
        ({"attempt": 2}, "running, attempt 2"),
        ({"state": "interrupted", "server": "a:1:1"}, "was interrupted, starts again by itself"),
        ({"state": "interrupted"}, "interrupted: its process was ended"),
        ({"state": "done"}, "done"),
    ],
)
def test_states(fields: dict[str, object], expected: str) -> None:
    assert words.state_words(a_run(**fields)) == expected


def test_every_state_has_an_icon() -> None:
    assert set(words.ICONS) == {"queued", "running", "paused", "done", "failed", "cancelled", "interrupted"}


def test_the_summary_counts() -> None:
    waiting = a_run(state="queued")
    assert words.summary([halfway()], [], []) == "One job is running: 50 % done."
    assert words.summary([halfway()] * 2 + [waiting] * 2, [], []) == (
        "Two jobs are running, two wait: 50 % done on average."
    )
    assert words.summary([waiting], [], []) == "One job waits for a free worker."
    assert words.summary([], [a_run(state="paused")], []) == "Nothing runs; one job is paused."
    assert words.summary([], [], [a_run(state="failed")]) == "Nothing is running. The last job failed: Train it."
    assert words.summary([], [], []) == "No job has been started yet."


def test_the_line_of_the_frame() -> None:
    assert words.short_summary([halfway(), a_run(state="queued")]) == "1 job running · 50 % · 1 waiting"
    assert words.short_summary([a_run(state="queued")] * 2) == "2 jobs waiting"


def test_a_measurement_has_no_steps() -> None:
    measuring = a_run(kind="method", progress=Progress(message="Measuring: layer similarity", part=0.95))
    assert words.progress_words(measuring) == "Measuring: layer similarity"
    assert words.short_summary([measuring]) == "1 job running · 95 %"
    assert words.progress_words(halfway()) == "step 1 of 2"


def test_another_day_has_a_date() -> None:
    assert ", " not in words.moment(NOW, NOW)
    assert ", " in words.moment(NOW - timedelta(days=3), NOW)
    assert words.moment(None, NOW) == ""


def test_results() -> None:
    done = a_run(state="done", metrics={"accuracy": {"test": 91.25}})
    assert words.result_words(done) == "91.2 % of the test images right"
    assert words.result_words(a_run(kind="forget", metrics={"forget_accuracy": 0.0, "retain_accuracy": 92.0})) == (
        "forgotten class 0.0 %, other classes 92.0 %"
    )
    assert words.result_words(a_run(metrics={"accuracy": "?"})) == ""
