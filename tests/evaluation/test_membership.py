import numpy as np
import pytest
import scipy.stats
from sklearn.svm import SVC

from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation.arrays import Floats
from orthoui.evaluation.membership import FEATURES, MembershipResult, Scored, convention_a, convention_b
from orthoui.evaluation.probabilities import entropy, masked_logits, modified_entropy, softmax
from tests.evaluation.made import outputs, with_confidence

FORGOTTEN = 3


def group(low: float, high: float, n: int, *, seed: int, retained: bool) -> Scored:
    """Images whose true-class probability lies evenly between two bounds."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, FORGOTTEN, n) if retained else np.full(n, FORGOTTEN)
    return Scored(*with_confidence(generator.uniform(low, high, n), labels))


MEMBERS = group(0.85, 0.99, 400, seed=1, retained=True)
STRANGERS = group(0.30, 0.70, 300, seed=2, retained=True)


def test_forgotten_images_that_look_like_members_are_recognised() -> None:
    result = convention_a(MEMBERS, STRANGERS, group(0.86, 0.99, 150, seed=3, retained=False), size=150)
    assert result is not None
    assert result.mean > 99
    assert (result.n_members, result.n_non_members, result.n_judged) == (150, 150, 150)


@pytest.mark.parametrize("highest", [0.6, 0.001])
def test_forgotten_images_with_little_confidence_are_not_recognised(highest: float) -> None:
    """Also far below everything that the attack was trained on, where only its offset would speak."""
    result = convention_a(MEMBERS, STRANGERS, group(0, highest, 150, seed=4, retained=False), size=150)
    assert result is not None
    assert result.mean < 2


def test_half_of_them_recognised_is_half() -> None:
    alike = group(0.86, 0.99, 100, seed=5, retained=False)
    unlike = group(0, 0.5, 100, seed=5, retained=False)
    both = Scored(np.concatenate([alike.logits, unlike.logits]), np.concatenate([alike.labels, unlike.labels]))
    result = convention_a(MEMBERS, STRANGERS, both, size=150)
    assert result is not None
    assert result.mean == pytest.approx(50, abs=2)


def test_the_logit_mask_is_a_control_that_fools_convention_a_and_blinds_b() -> None:
    forgotten, unseen = (group(0.85, 0.99, 150, seed=seed, retained=False) for seed in (6, 7))
    masked, masked_unseen = (
        Scored(masked_logits(part.logits, [FORGOTTEN]), part.labels) for part in (forgotten, unseen)
    )
    result = convention_a(MEMBERS, STRANGERS, masked, size=150)
    assert result is not None and result.mean == 0
    assert convention_b(masked, masked_unseen) is None


def test_verdicts_are_those_of_scikit_learns_machine_inside_its_range() -> None:
    """All images fit into every subset, so the plain recipe of the published attack must come out."""
    generator, labels = np.random.default_rng(8), np.arange(200) % FORGOTTEN
    members, others = (Scored(*with_confidence(generator.uniform(low, 1, 200), labels)) for low in (0.4, 0.1))
    asked = group(0.3, 0.9, 120, seed=10, retained=False)
    scores = [FEATURES["confidence"](part.logits, part.labels)[:, None] for part in (members, others, asked)]
    machine = SVC(C=3, kernel="rbf", gamma="auto").fit(np.concatenate(scores[:2]), [1] * 200 + [0] * 200)
    result = convention_a(members, others, asked, size=200)
    assert result is not None
    assert result.mean == pytest.approx(100 * machine.predict(scores[2]).mean(), abs=1)


def test_indistinguishable_images_give_about_half_in_convention_b() -> None:
    pair = (group(0.2, 0.9, 600, seed=seed, retained=False) for seed in (11, 12))
    result = convention_b(*pair, size=300)
    assert result is not None
    assert result.mean == pytest.approx(50, abs=6)
    assert result.n_judged == 600


def test_separable_images_give_nearly_all_in_convention_b_and_sides_are_equal() -> None:
    forgotten = group(0.8, 0.99, 400, seed=13, retained=False)
    unseen = group(0.1, 0.5, 90, seed=14, retained=False)
    result = convention_b(forgotten, unseen)
    assert result is not None
    assert result.mean > 99
    assert (result.n_members, result.n_non_members) == (90, 90)


def test_partly_separable_images_give_the_share_an_ideal_threshold_reaches() -> None:
    """Members uniform on 0.4 … 1, others on 0 … 0.6: the best threshold is right for 5/6 of both."""
    forgotten = group(0.4, 1, 800, seed=15, retained=False)
    unseen = group(0.0, 0.6, 800, seed=16, retained=False)
    result = convention_b(forgotten, unseen, size=400)
    assert result is not None
    assert result.mean == pytest.approx(100 * 5 / 6, abs=4)


def test_another_mix_of_classes_does_not_pass_for_membership() -> None:
    """Class 0 is easy and class 1 hard, on both sides alike; the sides differ in how many of each they have."""

    def side(easy: int, hard: int, seed: int) -> Scored:
        generator = np.random.default_rng(seed)
        confidence = np.concatenate([generator.uniform(0.8, 1, easy), generator.uniform(0.1, 0.3, hard)])
        return Scored(*with_confidence(confidence, np.repeat([0, 1], [easy, hard])))

    result = convention_b(side(400, 100, 17), side(100, 400, 18))
    assert result is not None
    assert result.n_members == 200
    assert result.mean == pytest.approx(50, abs=8)


def test_the_interval_is_the_t_interval_over_the_subsets() -> None:
    result = convention_b(*(group(0.2, 0.9, 200, seed=seed, retained=False) for seed in (19, 20)), size=60)
    assert result is not None
    assert len(result.values) == 5
    wanted = scipy.stats.t.interval(0.95, 4, np.mean(result.values), scipy.stats.sem(result.values))
    assert (result.low, result.high) == pytest.approx(wanted)
    assert result.spread == pytest.approx(np.std(result.values, ddof=1))
    assert result.spread > 0


def test_the_interval_is_clipped_to_percent() -> None:
    result = convention_a(MEMBERS, STRANGERS, group(0.7, 0.86, 40, seed=21, retained=False), size=30)
    assert result is not None
    assert 0 <= result.low <= result.mean <= result.high <= 100


def test_results_are_seeded() -> None:
    pair = [group(0.2, 0.9, 200, seed=seed, retained=False) for seed in (22, 23)]
    first, again, other = (convention_b(*pair, size=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first is not None and other is not None
    assert first.values != other.values
    assert (first.seed, other.seed) == (1, 2)


def test_results_survive_json() -> None:
    result = convention_a(MEMBERS, STRANGERS, group(0, 1, 50, seed=24, retained=False), size=50, subsets=2)
    assert result is not None
    assert MembershipResult.model_validate_json(result.model_dump_json()) == result


def test_features_are_what_they_are_called() -> None:
    logits, labels = outputs(80, 5)
    wanted: dict[str, Floats] = {
        "confidence": softmax(logits)[np.arange(80), labels],
        "entropy": entropy(logits),
        "modified_entropy": modified_entropy(logits, labels),
        "correctness": (logits.argmax(axis=1) == labels) * 1.0,
    }
    assert set(FEATURES) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(FEATURES[name](logits, labels), values)


@pytest.mark.parametrize("feature", ["entropy", "modified_entropy"])
def test_other_features_find_planted_members_too(feature: str) -> None:
    result = convention_a(
        MEMBERS, STRANGERS, group(0.86, 0.99, 100, seed=25, retained=False), size=150, feature=feature
    )
    assert result is not None
    assert result.mean > 98
    assert result.feature == feature


def test_certainly_wrong_images_are_no_members_by_modified_entropy() -> None:
    """Their modified entropy is some tens of nats, far beyond all examples."""
    logits = np.zeros((60, 4))
    logits[:, 0] = 60.0
    result = convention_a(
        MEMBERS, STRANGERS, Scored(logits, np.full(60, FORGOTTEN)), size=150, feature="modified_entropy"
    )
    assert result is not None and result.mean == 0


def test_a_feature_that_is_the_same_everywhere_is_not_measured() -> None:
    right = group(0.8, 0.99, 100, seed=26, retained=True)
    forgotten, unseen = (group(0.8, 0.99, 100, seed=seed, retained=False) for seed in (27, 28))
    assert convention_a(right, right, forgotten, feature="correctness") is None
    assert convention_b(forgotten, unseen, feature="correctness") is None


def test_too_few_images_are_not_measured() -> None:
    empty = Scored(np.zeros((0, 4)), np.zeros(0, dtype=np.int64))
    forgotten, few = (group(0.1, 0.9, n, seed=29, retained=False) for n in (50, 9))
    assert convention_a(MEMBERS, STRANGERS, empty) is None
    assert convention_a(MEMBERS, empty, forgotten) is None
    assert convention_a(empty, empty, forgotten) is None
    assert convention_b(forgotten, few) is None
    assert convention_b(empty, empty) is None
    assert convention_b(forgotten, group(0.1, 0.9, 10, seed=30, retained=False)) is not None


def test_the_forgotten_class_among_the_retained_is_refused() -> None:
    forgotten = group(0.1, 0.9, 50, seed=31, retained=False)
    with pytest.raises(RequestError, match="must not contain the forgotten class"):
        convention_a(MEMBERS, forgotten, forgotten)


def test_settings_out_of_bounds_and_unknown_features_are_explained() -> None:
    forgotten = group(0.1, 0.9, 50, seed=32, retained=False)
    with pytest.raises(RequestError, match="2 to 100 are allowed"):
        convention_b(forgotten, forgotten, subsets=1)
    with pytest.raises(RequestError, match="10 to 20,000 are allowed"):
        convention_b(forgotten, forgotten, size=9)
    with pytest.raises(UnknownNameError, match=r"feature “loss”\. Choose one of: confidence, entropy"):
        convention_a(MEMBERS, STRANGERS, forgotten, feature="loss")
    with pytest.raises(RequestError, match="one whole number each"):
        Scored(np.zeros((3, 4)), np.zeros(2, dtype=np.int64))
