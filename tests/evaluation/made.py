"""Made-up outputs with known properties, for the tests of evaluation."""

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

from orthoui.data import Dataset
from orthoui.evaluation.arrays import Floats, Ints
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.evaluation.runner import Logits
from orthoui.models.trained import TrainedModel
from tests.tiny import inputs


def outputs(n: int, classes: int, *, seed: int = 0, sharpness: float = 2.0) -> tuple[Floats, Ints]:
    """Logits (n, classes) that favour the true class by about ``sharpness``, and labels (n,)."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    logits = generator.normal(0, 1.5, (n, classes))
    logits[np.arange(n), labels] += sharpness
    return logits.astype(np.float32), labels


def balanced_outputs(per_class: int, classes: int, *, seed: int = 0) -> tuple[Floats, Ints]:
    """As ``outputs``, with exactly ``per_class`` images of every class and classes of different difficulty."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    logits = generator.normal(0, 1.5, (len(labels), classes))
    logits[np.arange(len(labels)), labels] += np.linspace(0, 4, classes)[labels]
    return logits.astype(np.float32), labels


def with_confidence(confidence: Floats, label: int | Ints, classes: int = 4) -> tuple[Floats, Ints]:
    """Logits whose true-class probability is exactly ``confidence`` (n,), the rest shared equally."""
    labels = np.broadcast_to(np.asarray(label), confidence.shape).astype(np.int64)
    probabilities = np.repeat(((1 - confidence) / (classes - 1))[:, None], classes, axis=1)
    probabilities[np.arange(len(labels)), labels] = confidence
    return np.log(probabilities), labels


logit_arrays = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(2, 7)),
    elements=st.floats(-60, 60, width=32),
)


def predictor(model: TrainedModel, network: nn.Module | None = None, memo: PredictionMemo | None = None) -> Predictor:
    return Predictor(model, lambda: network or model.network, "some", memo or PredictionMemo(1))


def expected_logits(model: TrainedModel, data: Dataset) -> Logits:
    with torch.no_grad():
        found: Logits = model.network(inputs(data["test"])).numpy()
    return found
