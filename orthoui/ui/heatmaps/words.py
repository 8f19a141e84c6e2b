"""What the Heatmaps page says: the finding as a sentence, and how it was measured."""

from collections.abc import Sequence

from orthoui.evaluation.heatmaps import DriftMean, empty, mean_drift
from orthoui.ui.heatmaps.scene import Group, Scene
from orthoui.wording import joined

ELSEWHERE, PARTLY = 0.4, 0.15
"""Mean drifts from which the page says “elsewhere” and “partly elsewhere”."""
METHOD = (
    "Grad-CAM (Selvaraju et al., ICCV 2017): the maps of the chosen layer, each weighted with the mean gradient of "
    "the class's output, added up, negative values dropped, stretched to 0 … 1.\n\n"
    "Drift compares two maps after each is divided by its sum: ½ Σ |before − after|, the total variation distance. "
    "0: the same places. 1: nowhere the same. An image in which nothing speaks for the class has no drift.\n\n"
    "Every map is stretched on its own: colours show where, not how strongly. The percentages show how strongly."
)


def names_of(scene: Scene, classes: Sequence[int]) -> str:
    """Return the names of classes as one phrase."""
    return joined([scene.data.classes[label] for label in classes])


def headline(scene: Scene, forgotten: Group, others: Group) -> str:
    """Say in one sentence whether the network looks elsewhere now."""
    if scene.unlearned is None and not scene.plan.touched_channels:
        return "Nothing is scaled at this setting: the network looks where it looked before."
    names = names_of(scene, forgotten.classes)
    lost, kept = mean_drift(forgotten.compared), mean_drift(others.compared)
    chosen = scene.view.cam_class
    start = "On" if chosen is None else f"Asked for {scene.data.classes[chosen]}: on"
    return f"{start} {names} images {_finding(lost)}; on {_others(scene)} {_moved(kept)}."


def _finding(mean: DriftMean) -> str:
    if mean.value is None:
        gone = mean.vanished > 0
        return "the evidence is gone from every heatmap" if gone else "there is no evidence to look for"
    how = "still looks at the same places"
    if mean.value >= PARTLY:
        how = "looks elsewhere now" if mean.value >= ELSEWHERE else "looks partly elsewhere now"
    return f"the network {how}: the heatmap moved by {mean.value:.2f} on average"


def _moved(mean: DriftMean) -> str:
    return "it is not measured" if mean.value is None else f"by {mean.value:.2f}"


def _others(scene: Scene) -> str:
    return "the other classes" if len(scene.others) > 1 else f"{names_of(scene, scene.others)} images"


def definition(scene: Scene, forgotten: Group, others: Group) -> str:
    """Say what the numbers of the sentence are and how sure they are."""
    first, second = (_certainty(scene, group) for group in (forgotten, others))
    return (
        f"Drift: 0 the same places, 1 entirely elsewhere. Mean of {first}; of {second} (95 % interval), test split."
    )


def control_words(scene: Scene, forgotten: DriftMean | None = None, others: DriftMean | None = None) -> str:
    """Say how far the null control moves the look; without a result yet, that it is being measured."""
    start = "Null control, as many channels drawn at random in every layer:"
    if forgotten is None or others is None:
        return f"{start} being measured …"
    names = names_of(scene, scene.view.request.classes)
    return f"{start} {_amount(forgotten)} on {names} images, {_amount(others)} on {_others(scene)}."


def _amount(mean: DriftMean) -> str:
    if mean.value is None:
        return "not measured"
    margin = "" if mean.margin is None else f" ± {mean.margin:.2f}"
    return f"{mean.value:.2f}{margin} ({mean.n} images)"


def _certainty(scene: Scene, group: Group) -> str:
    mean = mean_drift(group.compared)
    margin = "" if mean.margin is None else f" ± {mean.margin:.2f}"
    who = _others(scene) if group.classes == scene.others else names_of(scene, group.classes)
    gone = f", gone in {mean.vanished} more" if mean.vanished else ""
    return f"{mean.n} images of {who.removesuffix(' images')}{margin}{gone}"


def group_title(scene: Scene, group: Group) -> str:
    """Head a group of pictures with what was found in it."""
    mean = mean_drift(group.compared)
    lost = group.classes == scene.view.request.classes
    who = names_of(scene, group.classes) if len(group.classes) <= 3 else "Other classes"
    role = "forgotten" if lost else "kept"
    found = "no drift to measure" if mean.value is None else f"moved by {mean.value:.2f}"
    return f"{who}, {role}: {found}"


def group_notes(group: Group) -> list[str]:
    """Return what has to be known about a group's pictures beside its title."""
    notes = []
    mean = mean_drift(group.compared)
    total = len(group.places)
    if mean.vanished:
        notes.append(f"In {mean.vanished} of {total} images nothing speaks for the class any more.")
    retrained = group.compared.seen.get("retrained")
    blank = 0 if retrained is None else int(empty(retrained.maps).sum())
    if blank:
        notes.append(f"The retrained network finds nothing for the class in {blank} of {total} images.")
    return notes
