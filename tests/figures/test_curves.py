import pytest

from orthoui.figures import CurveLine, accuracy_curves, palette

X = (0.01, 0.02, 0.03)
PRINTED = CurveLine("printed", "forgotten", "printed", X, (78.7, 42.0, 16.1))
MEASURED = CurveLine("measured", "forgotten", "first", X, (80.0, None, 20.0), (78.0, None, 18.0), (82.0, None, 22.0))
EMPTY = CurveLine("measured twice", "retained", "second", X, (None, None, None))


def test_printed_is_dashed_and_measured_has_a_band() -> None:
    figure = accuracy_curves([PRINTED, MEASURED, EMPTY], axis="ratio", mode="light", title="A finding")
    traces = {trace.name: trace for trace in figure.data}
    assert set(traces) == {"measured, band", "forgotten class, printed", "forgotten class, measured"}
    assert traces["forgotten class, printed"].line.dash == "dash"
    assert traces["forgotten class, measured"].line.dash == "solid"
    band = traces["measured, band"]
    assert band.fill == "toself" and list(band.y) == [82.0, 22.0, 18.0, 78.0]
    assert {trace.line.color for name, trace in traces.items() if "band" not in name} == {palette("light").forgotten}


def test_the_alternative_text_holds_every_number() -> None:
    alt = accuracy_curves([PRINTED, MEASURED], axis="ratio", mode="dark", title="A finding").layout.meta["alt"]
    assert alt.startswith("A finding. Accuracy over ratio. forgotten classes, printed: 0.01 78.7 %, 0.02 42.0 %")
    assert "0.02 not measured" in alt


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_no_curve_is_no_error(mode: str) -> None:
    assert len(accuracy_curves([], axis="ratio", mode=mode, title="").data) == 0  # type: ignore[arg-type]
