import pytest

from orthoui.paper.answers import DAMAGE_OF_ANY_CLASS, answer
from orthoui.paper.curves import band, fit_words, fits, lines, unmeasured
from orthoui.paper.plans import plan_cells
from orthoui.paper.printed import Quantity, printed
from orthoui.paper.schema import Table
from orthoui.paper.setting import TABLES, Setting
from tests.paper.made import CLASSES, accuracies, draw, table

HALF = Setting(width=32)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_not_measured_has_no_answer(name: str) -> None:
    found = answer(table(name, {}))  # type: ignore[arg-type]
    assert (found.holds, found.sentence) == (None, "Not measured here yet.")


def test_table_1_both_ways() -> None:
    good = answer(table("table-1", {"plain": accuracies(97, 93), "orthogonal": accuracies(96, 93.5)}))
    assert good.holds is True
    assert good.sentence == (
        "Holds here: training orthogonally gains 0.5 points: the other classes 93.0 % plain, 93.5 % orthogonal "
        "(printed 93.1 and 94.1)."
    )
    bad = answer(table("table-1", {"plain": accuracies(97, 93), "orthogonal": accuracies(96, 90)}, HALF))
    assert bad.holds is False
    assert bad.sentence == (
        "Does not hold here: training orthogonally costs 3.0 points: the other classes 93.0 % plain, 90.0 % "
        "orthogonal."
    )
    assert answer(table("table-1", {"plain": accuracies(97, 93)})).holds is None


def test_table_2_both_ways_and_half() -> None:
    retrained = accuracies(0, 92)
    ours = {"OSP/floor": accuracies(1, 90), "OSP/scaled": accuracies(9, 91)}
    alone = answer(table("table-2", ours))
    assert (
        alone.holds is False and alone.in_part and "what that cost the others the row Retrain would" in alone.sentence
    )
    good = answer(table("table-2", {**ours, "Retrain": retrained}))
    assert (
        good.holds is True and "automobile is forgotten by pruning, 1.0 % of it left (printed 0.0)" in good.sentence
    )
    assert answer(table("table-2", {"OSP/floor": accuracies(60, 90)})).holds is False
    damaged = answer(table("table-2", {"OSP/floor": accuracies(1, 60), "Retrain": retrained}))
    assert damaged.holds is False and damaged.in_part and "others go with it" in damaged.sentence
    assert "a retrained network: 0.0 % of it left (printed 0.0), 92.0 % of the others" in damaged.sentence
    assert answer(table("table-2", {"Retrain": retrained})).holds is None


@pytest.mark.parametrize(
    ("orthogonal", "plain", "holds", "begin"),
    [
        (
            0.4,
            44.0,
            True,
            "The main claim holds here: at ratio 0.05 the orthogonal network still recognises 0.4 % of",
        ),
        (0.4, 3.0, False, "The class is forgotten, but not because the network is orthogonal"),
        (40.0, 90.0, False, "Half of the main claim holds here: the networks differ, but the class is not gone"),
        (60.0, 10.0, False, "The main claim does not hold here"),
    ],
)
def test_table_3a_every_way(orthogonal: float, plain: float, holds: bool, begin: str) -> None:
    values = {"orthogonal/0.05/floor": accuracies(orthogonal, 90), "plain/0.05/floor": accuracies(plain, 90)}
    found = answer(table("table-3a", values))
    assert found.holds is holds
    assert found.sentence.startswith(begin)
    assert "(printed 0.0 and 43.3), attenuation read as “floor”." in found.sentence
    assert "printed" not in answer(table("table-3a", values, HALF)).sentence


def test_the_spread_of_the_draws_stands_in_the_sentence() -> None:
    made = table("table-3a", {f"{kind}/0.05/floor": accuracies(50, 90) for kind in ("orthogonal", "plain")})
    more = draw(accuracies(70, 90), seed=1)
    cells = [cell.model_copy(update={"draws": (*cell.draws, more)}) if cell.draws else cell for cell in made.cells]
    spread = made.model_copy(update={"cells": tuple(cells)})
    assert "still recognises 60.0 ± 14.1 % of automobile and the plain one 60.0 ± 14.1 %" in answer(spread).sentence


def trained_again(made: Table, numbers: dict[str, dict[Quantity, float]]) -> Table:
    """The same table with a second training, seed 1, in the named cells."""
    cells = [
        cell.model_copy(update={"draws": (*cell.draws, draw(numbers[cell.id], training=1))})
        if cell.id in numbers
        else cell
        for cell in made.cells
    ]
    return made.model_copy(update={"cells": tuple(cells)})


def test_every_training_stands_in_the_sentence() -> None:
    first = {"orthogonal/0.05/floor": accuracies(10, 90), "plain/0.05/floor": accuracies(60, 90)}
    second = {"orthogonal/0.05/floor": accuracies(30, 90), "plain/0.05/floor": accuracies(50, 90)}
    found = answer(trained_again(table("table-3a", first, HALF), second))
    assert (
        "the orthogonal network still recognises 20.0 ± 14.1 % (training 0: 10.0, training 1: 30.0) of automobile "
        "and the plain one 55.0 ± 7.1 % (training 0: 60.0, training 1: 50.0), attenuation"
    ) in found.sentence
    first = {"plain": accuracies(97, 93), "orthogonal": accuracies(96, 94)}
    second = {"plain": accuracies(97, 93), "orthogonal": accuracies(96, 93)}
    found = answer(trained_again(table("table-1", first, HALF), second))
    assert "gains 0.5 points" in found.sentence
    assert "93.5 ± 0.7 % (training 0: 94.0, training 1: 93.0) orthogonal." in found.sentence
    first = {f"{label}/raw": accuracies(95, 94) for label in range(10)}
    pruned = {f"{label}/pruned/floor": accuracies(0, 90) for label in range(10)}
    second = {name: accuracies(8 if name.startswith("0") else 0, 90) for name in pruned}
    found = answer(trained_again(table("appendix", first | pruned, HALF), second))
    assert (
        "10 of 10 classes are forgotten by pruning (training 0: 10, training 1: 9), and the others" in found.sentence
    )


def test_table_3a_waits_for_both_networks() -> None:
    found = answer(table("table-3a", {"orthogonal/0.05/floor": accuracies(0, 90)}))
    assert (found.holds, found.sentence) == (None, "Ratio 0.05 is not measured on both networks yet.")


def test_table_3b_every_way() -> None:
    def at(first: float, middle: float, last: float) -> Table:
        numbers = {"0.2": first, "0.4": middle, "1": last}
        return table("table-3b", {f"{at}/floor": accuracies(left, 90) for at, left in numbers.items()})

    assert answer(at(50, 1, 0)).sentence == (
        "Holds here: automobile is forgotten from strength 0.4 on; the other classes go from 90.0 % at strength 0.2 "
        "to 90.0 % at 1, attenuation read as “floor”."
    )
    late = answer(at(80, 50, 1))
    assert late.holds is False and "forgotten from strength 1 on, not from 0.4" in late.sentence
    never = answer(at(80, 70, 60))
    assert (
        never.holds is False
        and "forgotten at no strength measured, at least 60.0 % of automobile are left" in never.sentence
    )
    assert answer(table("table-3b", {"1/floor": accuracies(0, 60)})).holds is None


@pytest.mark.parametrize(
    ("left", "holds", "words"),
    [
        ((50, 8, 4, 7), False, "only at strength 0.9; 7.0 % of it are left again at 1;"),
        ((50, 3, 8, 2), False, "only at strengths 0.4 and 1; 8.0 % of it are left again at 0.9;"),
        ((50, 3, 4, 2), True, "from strength 0.4 on;"),
        ((2, 30, 4, 2), False, "only at strengths 0.2, 0.9 and 1; 30.0 % of it are left again at 0.4;"),
        ((50, 8, 4, 2), False, "from strength 0.9 on, not from 0.4;"),
    ],
)
def test_a_class_that_comes_back_is_not_forgotten_from_there_on(
    left: tuple[float, ...], holds: bool, words: str
) -> None:
    numbers = zip((0.2, 0.4, 0.9, 1), left, strict=True)
    found = answer(table("table-3b", {f"{at:g}/floor": accuracies(value, 90) for at, value in numbers}))
    assert found.holds is holds
    assert f"automobile is forgotten {words}" in found.sentence


def test_a_strength_that_is_not_measured_is_not_judged() -> None:
    found = answer(table("table-3b", {"0.2/floor": accuracies(50, 90), "0.9/floor": accuracies(1, 90)}))
    assert "automobile is forgotten from strength 0.9 on;" in found.sentence


def test_the_reading_that_answers_is_named_and_why() -> None:
    one = answer(table("table-2", {"OSP/scaled": accuracies(1, 90)})).sentence
    assert "of the others (printed 90.3), attenuation read as “scaled”." in one
    both = {"OSP/floor": accuracies(9, 90), "OSP/scaled": accuracies(1, 90), "Retrain": accuracies(0, 92)}
    assert "attenuation read as “scaled”, the reading in the method's favour; a retrained network" in (
        answer(table("table-2", both)).sentence
    )
    values = {f"{label}/raw": accuracies(95, 94) for label in range(10)}
    values |= {f"{label}/pruned/floor": accuracies(60, 90) for label in range(10)}
    values |= {f"{label}/pruned/scaled": accuracies(50, 90) for label in range(10)}
    assert "attenuation read as “scaled”, the reading in the method's favour;" in (
        answer(table("appendix", values)).sentence
    )


def test_the_limit_of_the_appendix_is_what_the_paper_loses() -> None:
    lost = [row.raw["retain_accuracy"] - row.pruned["retain_accuracy"] for row in printed().appendix]
    assert max(lost) <= DAMAGE_OF_ANY_CLASS < max(lost) + 0.1


def test_networks_of_other_recipes_are_told() -> None:
    values = {"plain": accuracies(97, 93), "orthogonal": accuracies(96, 93.5)}
    made = table("table-1", values)
    other = [
        cell.model_copy(update={"unlike": "epochs 1 in place of 12"}) if cell.id == "plain" else cell
        for cell in made.cells
    ]
    assert answer(made.model_copy(update={"cells": tuple(other)})).sentence == (
        f"{answer(made).sentence} The plain network was trained otherwise than the orthogonal one (epochs 1 in place "
        "of 12): that may be the difference."
    )


def test_the_appendix_every_way() -> None:
    def of(left: list[float], kept: float, tuned: bool = False) -> Table:
        values = {f"{label}/raw": accuracies(95, 94) for label in range(len(left))}
        values |= {f"{label}/pruned/floor": accuracies(value, kept) for label, value in enumerate(left)}
        values |= {f"{label}/fine-tuned": accuracies(0, 93) for label in range(len(left)) if tuned}
        return table("appendix", values)

    good = answer(of([0] * 10, 90, tuned=True))
    assert good.sentence == (
        "Holds here: 10 of 10 classes are forgotten by pruning, and the others lose at most 4.0 points, attenuation "
        "read as “floor”; after fine-tuning 10 of 10 are."
    )
    assert answer(of([0] * 9 + [50], 90)).holds is False
    assert answer(of([0] * 10, 50)).holds is False
    part = answer(of([0, 50], 90))
    assert "1 of 2 classes are forgotten by pruning (8 are not measured yet)" in part.sentence
    assert part.sentence.endswith("fine-tuning is not measured yet.")


def test_figures_are_answered() -> None:
    peaks: dict[Quantity, float] = {"peak": 4.0, "peak_after": 1.0}
    made = table("figure-1", {"forgotten": peaks, "retained": {**peaks, "peak": 2.0}})
    assert answer(made).holds is True
    made = table("figure-1", {"forgotten": peaks, "retained": {**peaks, "peak": 5.0}})
    assert answer(made).holds is False
    assert "No retrained network is there" in answer(table("figure-3", {"after": {"drift": 0.6}})).sentence
    assert "mostly elsewhere" in answer(table("figure-3", {"after": {"drift": 0.6}})).sentence
    assert "mostly at the same places" in answer(table("figure-3", {"after": {"drift": 0.1}})).sentence
    assert "so that none can be compared" in answer(table("figure-3", {"after": {}})).sentence
    assert "not measured yet" in answer(table("figure-3", {"before": {}})).sentence


def test_a_run_that_found_no_number_is_told_from_one_that_was_not_made() -> None:
    cells = {cell.id: cell for cell in table("figure-3", {"after": {}}).cells}
    assert (unmeasured(cells["after"]), unmeasured(cells["retrained"])) == ("not measured", "not yet run")


def curve(floor: float, scaled: float, points: int = 5) -> Table:
    """Readings that are off the printed curve by so many points everywhere."""
    values = {}
    for plan in plan_cells("table-3a", Setting(), CLASSES):
        if plan.kind == "orthogonal" and plan.at is not None and plan.at <= 0.01 * points + 1e-9:
            by = floor if plan.reading == "floor" else scaled
            values[plan.id] = {name: min(100.0, value + by) for name, value in plan.printed.items()}
    return table("table-3a", values)


@pytest.mark.parametrize(("floor", "scaled", "nearer"), [(1.0, 4.0, "floor"), (5.0, 2.0, "scaled")])
def test_the_reading_that_fits_better_is_named(floor: float, scaled: float, nearer: str) -> None:
    near, far = fits(curve(floor, scaled).cells)
    assert (near.reading, near.points) == (nearer, 10)
    assert (near.distance, far.distance) == (pytest.approx(min(floor, scaled)), pytest.approx(max(floor, scaled)))
    words = fit_words(curve(floor, scaled).cells, comparable=True)
    assert words == (
        f"read as “{nearer}” it is nearer to the printed curve: {min(floor, scaled):.1f} points away, "
        f"{max(floor, scaled):.1f} read as “{far.reading}”"
    )
    assert "the curve printed for another setting" in fit_words(curve(floor, scaled).cells, comparable=False)


def test_readings_are_compared_only_where_both_are_measured() -> None:
    made = curve(1.0, 4.0)
    kept = [cell for cell in made.cells if not (cell.reading == "scaled" and (cell.at or 0) > 0.025)]
    assert fits(kept)[0].points == 4
    assert fits([cell for cell in made.cells if cell.reading == "floor"]) == ()
    assert fit_words([], comparable=True) == ""
    assert fit_words(curve(2.0, 2.0).cells, comparable=True) == "both readings are 2.0 points from the printed curve"


def test_the_answer_follows_the_reading_that_fits() -> None:
    made = curve(30.0, 1.0)
    values = {cell.id: {name: found.mean for name, found in cell.measured.items()} for cell in made.measured}
    both = {f"plain/0.05/{reading}": accuracies(50, 90) for reading in ("floor", "scaled")}
    assert "read as “scaled”" in answer(table("table-3a", {**values, **both})).sentence


def test_a_band_covers_the_intervals_of_all_draws() -> None:
    cell = table("table-1", {"plain": accuracies(50, 90)}).cells[0]
    two = cell.model_copy(update={"draws": (draw(accuracies(50, 90)), draw(accuracies(60, 91), seed=1))})
    assert band(two, "forget_accuracy") == (49, 61)
    assert band(two, "seconds") is None


def test_curves_are_printed_and_measured() -> None:
    found = lines(curve(1.0, 4.0).cells, "orthogonal")
    assert [(line.group, line.look) for line in found] == [
        (group, look) for group in ("forgotten", "retained") for look in ("printed", "first", "second")
    ]
    assert found[0].y == (78.7, 42.0, 16.1, 1.7, 0.0)
    assert found[1].y == pytest.approx((79.7, 43.0, 17.1, 2.7, 1.0))
