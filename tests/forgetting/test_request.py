"""Requests: bounds, digests, and sentences that say what is allowed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.errors import RequestError
from orthoui.forgetting.request import ForgetRequest, parse_request


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ratio": 0.9}, "Ratio cannot be 0.9: choose a number from 0 to 0.5."),
        ({"ratio": -0.01}, "Ratio cannot be -0.01: choose a number from 0 to 0.5."),
        ({"ratio": "much"}, "Ratio cannot be “much”: choose a number from 0 to 0.5."),
        ({"strength": 1.01}, "Strength cannot be 1.01: choose a number from 0 to 1."),
        ({"strength": math.nan}, "Strength cannot be nan: choose a number from 0 to 1."),
        ({"strength": math.inf}, "Strength cannot be inf: choose a number from 0 to 1."),
        ({"images_per_class": 0}, "Images per class cannot be 0: choose a whole number from 1 to 1,000,000."),
        ({"seed": -1}, "Seed cannot be -1: choose a whole number from 0 to 2,147,483,647."),
        ({"target": "head"}, "Target cannot be “head”: choose conv, bn or conv_sync."),
        (
            {"score": "best"},
            "Score cannot be “best”: choose difference, margin, standardised or random.",
        ),
        ({"classes": ()}, "Classes: choose at least 1."),
        ({"classes": (-1,)}, "Classes cannot be “(-1,)”: class numbers start at 0."),
        ({"scope": "here"}, "Scope cannot be “here”: must be “all”, “stage:N+N” or “layers:NAME+NAME”."),
        ({"colour": "red"}, "There is no option Colour."),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_what_is_allowed(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError) as raised:
        parse_request({"classes": (1,), **fields})
    assert str(raised.value) == sentence


def test_a_request_without_classes_says_so() -> None:
    with pytest.raises(RequestError, match=r"^Classes is missing: give a value\.$"):
        parse_request({})


@pytest.mark.parametrize(
    "edit", [{"layer": "a", "channel": -1, "keep": 0}, {"layer": "a", "channel": 0, "keep": 1.5}, {"layer": "a"}, 7]
)
def test_a_malformed_edit_is_refused(edit: object) -> None:
    with pytest.raises(RequestError, match="Channels set by hand"):
        parse_request({"classes": (1,), "edits": [edit]})


def test_a_refused_value_is_not_repeated_at_length() -> None:
    with pytest.raises(RequestError) as raised:
        parse_request({"classes": (1,), "scope": "x" * 3000})
    assert len(str(raised.value)) < 200


@given(st.floats(0, 0.5), st.floats(0, 1), st.sets(st.integers(0, 99), min_size=1))
def test_every_value_within_bounds_is_accepted_and_survives_json(
    ratio: float, strength: float, classes: set[int]
) -> None:
    request = parse_request({"classes": list(classes), "ratio": ratio, "strength": strength})
    assert request.classes == tuple(sorted(classes))
    again = ForgetRequest.model_validate_json(request.model_dump_json())
    assert again == request
    assert again.digest == request.digest


@given(st.floats().filter(lambda value: not 0 <= value <= 0.5))
def test_every_ratio_out_of_bounds_is_refused(ratio: float) -> None:
    with pytest.raises(RequestError, match=r"choose a number from 0 to 0\.5"):
        parse_request({"classes": (0,), "ratio": ratio})


@given(st.text(max_size=30))
def test_any_text_is_a_scope_or_refused_in_words(scope: str) -> None:
    try:
        assert parse_request({"classes": (0,), "scope": scope}).scope == scope
    except RequestError as error:
        assert "stage:N+N" in str(error)


def test_order_and_repetition_of_classes_do_not_matter() -> None:
    assert ForgetRequest(classes=(3, 1, 3)).digest == ForgetRequest(classes=(1, 3)).digest


def test_the_digest_is_stable_between_versions_of_python_and_runs() -> None:
    assert ForgetRequest(classes=(1,)).digest == "b3cbf2dfb870a443"


def test_requests_that_differ_in_any_field_have_different_digests() -> None:
    changes: list[dict[str, object]] = [
        {},
        {"classes": (2,)},
        {"ratio": 0.06},
        {"strength": 0.5},
        {"attenuation": "scaled"},
        {"score": "margin"},
        {"target": "bn"},
        {"scope": "stage:1"},
        {"images_per_class": 6},
        {"read_at": "conv"},
        {"seed": 1},
        {"edits": ({"layer": "a", "channel": 0, "keep": 0.5},)},
    ]
    assert {name for change in changes for name in change} == set(ForgetRequest.model_fields)
    digests = {ForgetRequest.model_validate({"classes": (1,), **change}).digest for change in changes}
    assert len(digests) == len(changes)


def test_the_default_request_is_the_papers() -> None:
    request = ForgetRequest(classes=(2,))
    assert (request.ratio, request.strength, request.attenuation) == (0.05, 0.4, "floor")
    assert (request.score, request.target) == ("difference", "conv")
    assert (request.images_per_class, request.scope) == (5, "all")
