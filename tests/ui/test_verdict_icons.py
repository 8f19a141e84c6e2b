"""Every verdict has an icon on the Forget page."""

from typing import get_args

from orthoui.evaluation.verdict import Kind
from orthoui.ui.forget_panel import VERDICT_ICONS


def test_every_verdict_has_an_icon_of_its_own() -> None:
    assert set(VERDICT_ICONS) == set(get_args(Kind))
    assert len(set(VERDICT_ICONS.values())) == len(VERDICT_ICONS)
