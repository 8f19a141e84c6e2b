"""What the Methods page says."""

from collections.abc import Sequence

from orthoui.evaluation.comparison import TRAIN_PER_CLASS
from orthoui.evaluation.verdict import TOLERANCE
from orthoui.figures.words import signed
from orthoui.jobs.method import STANDARD
from orthoui.jobs.results import Measure, MethodRow
from orthoui.jobs.search import Searched
from orthoui.methods import Method
from orthoui.methods.found import GOAL, Known
from orthoui.wording import joined

DRAWN = f"{TRAIN_PER_CLASS} of each class at most, drawn once"
HEADS: dict[Measure, tuple[str, str]] = {
    "forget_test": ("forgotten class", "A_u: accuracy on test images of the forgotten classes."),
    "retain_test": ("other classes", "A_r: accuracy on test images of all other classes."),
    "forget_train": ("forgotten, training", f"A_u on images that the model was trained on, {DRAWN}."),
    "retain_train": ("others, training", f"A_r on images that the model was trained on, {DRAWN}."),
    "membership_a": (
        "recognised",
        "How many of the class's training images an attacker still takes for training images (membership inference, "
        "convention A). The retrained row says what is normal. The mean of several attacks, which may disagree: see "
        "the intervals.",
    ),
    "membership_b": (
        "told from unseen",
        "How well an attacker tells the class's training images from unseen ones (convention B). 50 % is guessing.",
    ),
    "distance": (
        "distance",
        "Jensen–Shannon divergence between its answers and the retrained model's, on test images of the class, 0 to "
        "0.69 nats.",
    ),
    "relearn": (
        "relearn steps",
        "Training steps until the class is back. Few steps: it was only hidden. Measured when asked for.",
    ),
}
PERCENT: tuple[Measure, ...] = tuple(name for name in HEADS if name not in ("distance", "relearn"))
COLUMNS = {
    "measured": "As measured", "interval": "With intervals", "gap": "Gap to retrained", "paper": "Beside the paper",
}  # fmt: skip
PAPERS_FIVE = ("retrain", "ssd", "unsir", "tfidf-pruning", "soft-pruning")
FIRST = ("soft-pruning", "random-channels", "logit-mask", "ssd", "neggrad-plus")
"""What is ticked on the first visit: quick ones, with two controls."""
TRAINS = {"epochs", "tuning_epochs", "steps", "noise_steps"}
"""Fields of a request that say that a method trains."""
BASELINES = ("original", STANDARD)
"""What every comparison is read against; they are run with the first one."""


RULE = (
    f"Counted as forgetting: at most {GOAL:.0f} % of the class left, others at most {GOAL:.0f} points below "
    "the original. The page Forget is stricter: it asks for the retrained model's accuracies, within "
    f"{TOLERANCE:.0f} points."
)


def kind_of(method: Method) -> str:
    """Say what sort of method it is."""
    if method.control:
        return "control"
    if method.exact:
        return "exact"
    return "training" if TRAINS.intersection(method.request.model_fields) else "weight edit"


def headline(forgotten: str, rows: Sequence[MethodRow]) -> str:
    """Say in a sentence what was found: which methods forget the class and keep the others."""
    judged = [row for row in rows if not row.control and row.run.method != STANDARD]
    if not judged:
        return f"How would other methods forget {forgotten}? Choose some and run them."
    tried = len({row.run.method for row in judged})
    original = next((row for row in rows if row.run.method == "original"), None)
    if original is None:
        return f"{_count(tried).capitalize()} measured on {forgotten}; without the original none can be judged."
    good = [row for row in judged if reaches(row, original)]
    if not good:
        if tried == 1:
            return f"{judged[0].title} does not forget {forgotten} and keep the other classes."
        return f"None of {tried} methods forgets {forgotten} and keeps the other classes."
    able = len({row.run.method for row in good})
    fastest = min(good, key=lambda row: row.seconds)
    if tried == 1:
        return f"{fastest.title} forgets {forgotten} in {seconds_words(fastest.seconds)}."
    forget, keep = ("forgets", "keeps") if able == 1 else ("forget", "keep")
    return (
        f"{able} of {tried} methods {forget} {forgotten} and {keep} the others; the fastest is "
        f"{fastest.title}, {seconds_words(fastest.seconds)}."
    )


def found_words(
    known: Known | None, names: Sequence[str], forgotten: Sequence[int], *, control: bool = False
) -> str | None:
    """Say what is known of a method on this model: what is left of the class and what the others lost.

    ``names`` are those of the model's classes. Where other classes than ``forgotten`` were measured they are named.
    """
    found = None if known is None else known.defaults
    if known is None or found is None:
        return None
    words = f"{found.forgotten:.0f} % left, others {signed(found.change)}"
    if set(found.classes) != set(forgotten):
        words = f"{joined([names[label] for label in found.classes])}: {words}"
    if found.reaches or control:
        return words
    return f"{words}; better tuned" if known.tuned and known.tuned.reaches else f"{words}; falls short"


def interval_words(row: MethodRow, measure: Measure) -> str | None:
    """Return a measured value with its interval, e.g. “20.0 (0.0–64.8)”; None where it was not measured."""
    value, ends = row.values.get(measure), row.ranges.get(measure)
    if value is None:
        return None
    form = ".3f" if measure == "distance" else ".1f"
    return f"{value:{form}}" + (f" ({ends[0]:{form}}–{ends[1]:{form}})" if ends else "")


def search_words(found: Searched) -> str:
    """Say what a search on calibration images found."""
    best, many = found.best, _settings(len(found.tried))
    result = (
        f"{best.forgotten.value:.1f} % of the class left, others {signed(best.kept.value - found.before)}, "
        f"{best.forgotten.n} and {best.kept.n:,} calibration images"
    )
    if not found.reached:
        return f"Searched: none of {many} forgets the class and keeps the others. Nearest: {result}."
    if not best.settings:
        return f"Searched: of {many} none is better than the defaults ({result})."
    return f"Searched: of {many} this one forgets and keeps best ({result})."


def _settings(count: int) -> str:
    return "one setting" if count == 1 else f"{count} settings"


def _count(count: int) -> str:
    return "one method" if count == 1 else f"{count} methods"


def reaches(row: MethodRow, original: MethodRow) -> bool:
    """Whether at most 5 % of the class is left and the other classes lost at most 5 points."""
    forgotten, kept = row.values.get("forget_test"), row.values.get("retain_test")
    before = original.values.get("retain_test")
    if forgotten is None or kept is None or before is None:
        return False
    return forgotten <= GOAL and kept >= before - GOAL


def seconds_words(seconds: float) -> str:
    """Return a duration that may be a millisecond or an hour.

    >>> seconds_words(0.0042), seconds_words(1.234), seconds_words(312)
    ('4 ms', '1.2 s', '5 min 12 s')
    """
    if seconds < 0.95:
        return f"{max(1, round(1000 * seconds)):,} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if rest else f"{minutes:,} min"
