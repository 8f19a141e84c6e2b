"""What the Heatmaps page shows at this moment, worked out from the view."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from orthoui.data import Dataset, ImageSet
from orthoui.evaluation.heatmaps import Comparison, DriftMean, compare, mean_drift, ranked, sample, with_another
from orthoui.evaluation.predictions import Predictor
from orthoui.evaluation.unlearned import UnlearnedNetwork
from orthoui.evaluation.variants import Variant, original, planned, random_control
from orthoui.figures import Mode
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.selection import make_plan
from orthoui.models.trained import TrainedModel
from orthoui.ui import session
from orthoui.ui.view import View

SAMPLE = 60
"""Test images of the forgotten classes, and of the others, that a mean drift is taken over."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One state of the page: nothing in it is None, what the view leaves open is decided here."""

    view: View
    model: TrainedModel
    data: Dataset
    plan: Plan
    predictors: dict[Variant, Predictor]
    """Before, after, and retrained where there is a reference for these classes."""
    layer: str
    mode: Mode
    notices: tuple[str, ...]
    unlearned: UnlearnedNetwork | None = None
    """What another method left, if that is shown as “after”."""
    control: Predictor | None = None
    """As many channels, as strongly scaled, drawn at random; None where “after” is no pruning of channels."""

    @property
    def retained(self) -> tuple[int, ...]:
        """Classes that are not forgotten."""
        return tuple(label for label in range(len(self.data.classes)) if label not in self.view.request.classes)

    @property
    def others(self) -> tuple[int, ...]:
        """Retained classes that are shown: all of them, or the one picked out."""
        return (self.view.other,) if self.view.other in self.retained else self.retained

    @property
    def subject(self) -> int:
        """The forgotten class that the example belongs to."""
        classes = self.view.request.classes
        return self.view.subject if self.view.subject in classes else classes[0]


@dataclass(frozen=True, eq=False)
class Group:
    """Images of some classes seen by all networks: a sample of the test split, and the example beside it."""

    classes: tuple[int, ...]
    images: ImageSet
    places: tuple[int, ...]
    """Place of each image among the test images of its class, from 0."""
    compared: Comparison
    example: "Group | None" = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to give way to a full device, for the example too."""
        return self.compared.notices + (() if self.example is None else self.example.notices)

    def order(self, view: View) -> list[int]:
        """Return which images to show below the example, by the view's order; the example is not shown twice."""
        chosen = [int(place) for place in ranked(self.compared, view.cam_order)]
        if self.example is not None:
            twin = (int(self.example.images.labels[0]), self.example.places[0])
            chosen = [one for one in chosen if (int(self.images.labels[one]), self.places[one]) != twin]
        return chosen[: view.cam_rows]


def current_scene() -> Scene:
    """Read the view. Raises ``OrthoError`` when the request cannot be carried out on the model."""
    view, model, data = session.view(), session.model(), session.data()
    measured = load_or_measure(model, data, view.request)
    plan = make_plan(measured.profile, model.anatomy, view.request)
    unlearned = session.unlearned()
    after = planned(model, plan) if unlearned is None else unlearned.predictor(model)
    predictors: dict[Variant, Predictor] = {"before": original(model, after.cut), "after": after}
    reference = session.reference()
    if reference is not None:
        predictors["retrained"] = original(reference)
    return Scene(
        view=view,
        model=model,
        data=data,
        plan=plan,
        predictors=predictors,
        layer=view.cam_layer or model.anatomy.names[-1],
        mode=session.mode(),
        notices=measured.notices,
        unlearned=unlearned,
        control=planned(model, random_control(model, measured.profile, view.request))
        if unlearned is None and plan.touched_channels
        else None,
    )


def group_of(scene: Scene, classes: Sequence[int], example_class: int) -> Group:
    """Compare the networks on a sample of these classes and on the example of one of them."""
    images = scene.data["test"]
    own = images.of_class(example_class)
    example = own[scene.view.example % len(own)].view(1)
    return _seen(scene, classes, sample(images, classes, SAMPLE), _seen(scene, (example_class,), example))


def control_drift(scene: Scene, group: Group) -> DriftMean | None:
    """Return how far random channels move the look at a group's images; None where there is no such control."""
    if scene.control is None:
        return None
    return mean_drift(with_another(group.compared, scene.control, group.images, scene.layer))


def _seen(scene: Scene, classes: Sequence[int], positions: torch.Tensor, example: Group | None = None) -> Group:
    images = scene.data["test"]
    chosen = images.subset(positions)
    first = {label: images.of_class(label) for label in classes}
    places = tuple(
        int(torch.searchsorted(first[label], position))
        for label, position in zip(chosen.labels.tolist(), positions, strict=True)
    )
    compared = compare(scene.predictors, chosen, targets_of(scene, chosen.labels.tolist()), scene.layer)
    return Group(tuple(classes), chosen, places, compared, example)


def targets_of(scene: Scene, labels: Sequence[int]) -> list[int]:
    """Return the class explained in each image: its own, unless one class was chosen for all."""
    chosen = scene.view.cam_class
    return list(labels) if chosen is None else [chosen] * len(labels)
