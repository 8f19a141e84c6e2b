"""Jobs in words: states, progress, times, and the sentence that heads the Jobs page."""

from collections.abc import Sequence
from datetime import datetime

from orthoui.ledger import Run

ICONS = {
    "queued": ":material/schedule:",
    "running": ":material/play_circle:",
    "paused": ":material/pause_circle:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "interrupted": ":material/power_off:",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
KINDS = {
    "train": "training", "get-dataset": "download", "forget": "forgetting", "method": "method",
    "search": "search of settings",
}  # fmt: skip


def kind_words(kind: str) -> str:
    """Return a kind of run as a person reads it."""
    return KINDS.get(kind, kind.replace("-", " ").replace("_", " "))


def state_words(run: Run) -> str:
    """Say in what state a run is, and what was asked of it meanwhile."""
    match run.state:
        case "queued":
            return "waiting for a free worker and device"
        case "running" if run.requested == "cancel":
            return "running, stops in a moment"
        case "running" if run.requested == "pause":
            return "running, pauses at its next checkpoint"
        case "running" if run.attempt > 1:
            return f"running, attempt {run.attempt}"
        case "interrupted" if run.waiting:
            return "was interrupted, starts again by itself"
        case "interrupted":
            return "interrupted: its process was ended"
    return run.state


def duration(seconds: float) -> str:
    """Return a length of time in words.

    >>> duration(3.4), duration(75), duration(600), duration(5000)
    ('3 s', '1 min 15 s', '10 min', '1 h 23 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 5 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def moment(when: datetime | None, now: datetime) -> str:
    """Return a point in time as this server's clock shows it; of another day, with the date.

    ``now`` decides which day is today.
    """
    if when is None:
        return ""
    here = when.astimezone()
    return f"{here:%H:%M}" if here.date() == now.astimezone().date() else f"{here:%d %b %Y, %H:%M}"


def progress_words(run: Run) -> str:
    """Say how far a run has come: stage, steps, loss, speed, time left; empty before the first report."""
    progress = run.progress
    if progress is None or run.state not in ("running", "paused"):
        return ""
    parts = [progress.message] if progress.message else []
    if progress.steps and run.kind != "get-dataset":  # its steps are thousandths of a stage
        parts.append(f"step {progress.step:,} of {progress.steps:,}")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    speed = progress.metrics.get("images_per_second")
    if run.state == "running":
        if isinstance(speed, int | float):
            parts.append(f"{speed:,.0f} images/s")
        if progress.seconds_left is not None:
            parts.append(f"{duration(progress.seconds_left)} left")
    return " · ".join(parts)


def result_words(run: Run) -> str:
    """Say what came of a finished run, where that can be said in a line."""
    accuracy = run.metrics.get("accuracy")
    if run.kind == "train" and isinstance(accuracy, dict) and isinstance(accuracy.get("test"), int | float):
        return f"{accuracy['test']:.1f} % of the test images right"
    forgotten, kept = (run.metrics.get(f"{group}_accuracy") for group in ("forget", "retain"))
    if isinstance(forgotten, int | float) and isinstance(kept, int | float):
        return f"forgotten class {forgotten:.1f} %, other classes {kept:.1f} %"
    search = run.metrics.get("search")
    if run.kind == "search" and isinstance(search, dict):
        return f"{len(search.get('tried', ()))} settings tried"
    if run.kind == "distance" and isinstance(run.metrics.get("of"), int):
        return f"{run.metrics.get('measured')} of {run.metrics['of']} runs measured"
    images = run.metrics.get("images")
    if run.kind == "get-dataset" and isinstance(images, dict):
        return ", ".join(f"{count:,} {split}" for split, count in images.items()) + " images"
    return ""


def share_of(runs: Sequence[Run]) -> float:
    """Return how far running runs have come on average, 0 to 1."""
    shares = [run.progress.share if run.progress else 0.0 for run in runs]
    return sum(shares) / len(shares) if shares else 0.0


def short_summary(active: Sequence[Run]) -> str:
    """Return the indicator's text.

    >>> short_summary([])
    'No jobs'
    """
    running = [run for run in active if run.state == "running"]
    waiting = len(active) - len(running)
    if not active:
        return "No jobs"
    if not running:
        return f"{waiting} {_jobs(waiting)} waiting"
    more = f" · {waiting} waiting" if waiting else ""
    return f"{len(running)} {_jobs(len(running))} running · {100 * share_of(running):.0f} %{more}"


def summary(active: Sequence[Run], paused: Sequence[Run], ended: Sequence[Run]) -> str:
    """Return the sentence that heads the Jobs page."""
    running = [run for run in active if run.state == "running"]
    waiting = len(active) - len(running)
    if running:
        many = len(running) > 1
        done = f"{100 * share_of(running):.0f} %"
        begin = f"{_number(len(running))} {_jobs(len(running))} {'are' if many else 'is'} running"
        wait = f", {_number(waiting).lower()} {'wait' if waiting > 1 else 'waits'}" if waiting else ""
        return f"{begin}{wait}: {done} done{' on average' if many else ''}."
    if waiting:
        return f"{_number(waiting)} {_jobs(waiting)} {'wait' if waiting > 1 else 'waits'} for a free worker."
    if paused:
        count = len(paused)
        return f"Nothing runs; {_number(count).lower()} {_jobs(count)} {'are' if count > 1 else 'is'} paused."
    if ended:
        last = ended[0]
        state = {"interrupted": "was interrupted", "cancelled": "was cancelled", "failed": "failed"}
        return f"Nothing is running. The last job {state.get(last.state, 'is done')}: {last.title}."
    return "No job has been started yet."


def _jobs(count: int) -> str:
    return "job" if count == 1 else "jobs"


def _number(count: int) -> str:
    return NUMBERS[count].capitalize() if count < len(NUMBERS) else f"{count:,}"
