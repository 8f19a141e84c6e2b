"""``orthoui forget``: one forgetting, from request to evidence."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orthoui.cli.common import AsJson, ModelName, SplitName, emit, reports_errors, tell_about_images
from orthoui.cli.fields import given, takes_fields_of
from orthoui.cli.progress import Bar, progress_bar
from orthoui.errors import LedgerError, RequestError, UnknownNameError
from orthoui.forgetting.request import ForgetRequest, parse_request
from orthoui.wording import bounds

if TYPE_CHECKING:
    from orthoui.data import Dataset
    from orthoui.evaluation.outcome import Outcome
    from orthoui.models.trained import TrainedModel

PRESETS = ("paper", "recommended")
ALL_IMAGES = "all"


@reports_errors
@takes_fields_of(
    ForgetRequest,
    without=("classes", "edits"),
    also={"images_per_class": f"“{ALL_IMAGES}” takes every one"},
)
def forget(
    classes: Annotated[
        str, typer.Option(metavar="CLASS[,CLASS]", help="What to forget: classes by number or name, with commas.")
    ],
    model: ModelName = None,
    split: SplitName = "test",
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET",
            help="Start from a ready-made setting; options given beside it win. One of: paper, recommended (the "
            "best one found for this model).",
            show_default=False,
        ),
    ] = None,
    membership: Annotated[
        bool,
        typer.Option(help="Measure membership inference too, the slowest part."),
    ] = True,
    as_json: AsJson = False,
    **fields: Any,
) -> None:
    """Forget classes by pruning and show the evidence: accuracies, controls, verdict."""
    from orthoui.cli.forget_answer import answer
    from orthoui.data import SPLITS
    from orthoui.evaluation.pipeline import forget as steps
    from orthoui.evaluation.summary import document
    from orthoui.models.zoo import default_model, zoo

    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    trained = zoo().forgettable(model or default_model(zoo()))
    data = trained.data()
    request = _request(trained, _labels(classes, data), preset, given(fields))
    reference = zoo().reference(trained, request.classes)
    outcomes = steps(trained, data, request, reference, split, membership=membership)
    networks = 3 if reference is None else 4
    tell_about_images(trained, data)
    with progress_bar(as_json, "Measuring", networks * len(data[split])) as bar:
        outcome = _last(outcomes, bar)
    _record(outcome, trained, data)
    emit(document(outcome), as_json, lambda: answer(outcome))


def _record(outcome: "Outcome", model: "TrainedModel", data: "Dataset") -> None:
    """Keep the run in the ledger; one that cannot be written costs the record, not the answer."""
    from orthoui.ledger import ledger
    from orthoui.ledger.forgettings import record

    try:
        record(ledger(), outcome, model, data["train"].digest)
    except LedgerError as error:
        typer.echo(f"This run is not in the ledger. {error}", err=True)


def _labels(text: str, data: "Dataset") -> tuple[int, ...]:
    names = [part for part in text.split(",") if part.strip()]
    if not names:
        listed = ", ".join(f"{number} ({name})" for number, name in enumerate(data.classes[:24]))
        raise RequestError(f"No class to forget was named. Give at least one with --classes: {listed}.")
    return data.class_indices(names)


def _request(
    model: "TrainedModel", classes: tuple[int, ...], preset: str | None, fields: dict[str, Any]
) -> ForgetRequest:
    from orthoui.evaluation.presets import paper, recommended

    if preset is not None and preset not in PRESETS:
        raise UnknownNameError("preset", preset, PRESETS)
    starts = {
        None: ForgetRequest(classes=classes),
        "paper": paper(model, classes),
        "recommended": recommended(model, classes),
    }
    start = starts[preset]
    if start is None:
        raise RequestError(
            f"No recommended setting was found for {model.name} yet. Use --preset paper, or search one with "
            f"“orthoui recommend --model {model.name}”."
        )
    if fields.get("images_per_class") == ALL_IMAGES:
        fields["images_per_class"] = bounds(ForgetRequest.model_fields["images_per_class"])[1]
    return parse_request({**start.model_dump(), **fields})


def _last(outcomes: "Iterator[Outcome]", bar: Bar) -> "Outcome":
    outcome = next(outcomes)
    for outcome in outcomes:
        computed = [part.accuracies for name, part in outcome.measured.items() if name != "mask"]
        doing = "Membership inference" if outcome.membership else "Measuring"
        bar.show(sum(part.n_forget + part.n_retain for part in computed), doing)
    return outcome
