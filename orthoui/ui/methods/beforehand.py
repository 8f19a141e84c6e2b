"""The first visit: what was measured beforehand on this model, as a picture, before anything was run here."""

from orthoui.evaluation.accuracy import accuracies
from orthoui.evaluation.variants import original
from orthoui.figures import MethodPoint, trade_off
from orthoui.jobs.method import STANDARD
from orthoui.methods import METHODS
from orthoui.methods.found import Found, known_methods
from orthoui.ui import session
from orthoui.ui.charts import chart
from orthoui.ui.methods.pictures import mark_size
from orthoui.ui.methods.words import seconds_words

FEWEST_PLOTTED = 2


def beforehand() -> None:
    """Draw forgetting against keeping as it was found on this model for these classes, if it was."""
    model, classes = session.model(), session.view().request.classes
    found = {
        name: known.defaults
        for name, known in known_methods(model).items()
        if name in METHODS
        and name != "original"
        and known.defaults is not None
        and set(known.defaults.classes) == set(classes)
    }
    if len(found) < FEWEST_PLOTTED:
        return
    test = model.data()["test"]
    before = accuracies(original(model).complete(test), test.labels.numpy(), classes, "test")
    if before.forget is None or before.retain is None:
        return
    judged = [one for name, one in found.items() if not METHODS[name].control and name != STANDARD]
    able = sum(one.reaches for one in judged)
    figure = trade_off(
        _points(found, before.forget.value, before.retain.value),
        [],
        mode=session.mode(),
        title=f"Found beforehand: {able} of {len(judged)} forget and keep",
        subtitle="measured on this model with the methods' own settings, test images; upper left is best, a larger "
        "mark took longer; run a method to see what it left",
    )
    chart(figure, "methods_beforehand")


def _points(found: dict[str, Found], recognised: float, kept: float) -> list[MethodPoint]:
    """Return the marks of the methods, and of the model as it was, by its accuracies in percent."""
    seconds = [one.seconds for one in found.values()]
    points = [
        MethodPoint(
            key=name,
            name=METHODS[name].title,
            forgotten=one.forgotten,
            kept=kept + one.change,
            size=mark_size(one.seconds, seconds),
            note=seconds_words(one.seconds),
            kind="control" if METHODS[name].control else "retrained" if name == STANDARD else "method",
        )
        for name, one in found.items()
    ]
    return [*points, MethodPoint("original", "Original", recognised, kept, 0.0, "", "original")]
