"""Measuring finished runs against a retrained model: without one there is nothing to measure."""

import pytest

from orthoui.errors import RequestError
from orthoui.jobs import distance
from orthoui.jobs.execute import run_here
from orthoui.jobs.results import DISTANCE
from orthoui.ledger import ledger
from orthoui.models.zoo import zoo


def test_without_a_retrained_model_the_job_says_what_is_missing() -> None:
    plain = zoo().get("fashion-mnist-resnet18-w16-plain")  # nothing lies ready for it
    asked = distance.DistanceRequest(model=plain.name, classes=(7,))
    with pytest.raises(RequestError, match="Distance to a retrained model needs one"):
        run_here(DISTANCE, asked, distance.title_of(plain, (7,)))
    assert ledger().find()[0].error == "Distance to a retrained model needs one: add Retrain."
