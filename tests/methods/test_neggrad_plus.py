"""NegGrad+ on paired batches: what β weighs, and what its batch norms see."""

import pytest
import torch
import torch.nn.functional as F

from orthoui.methods import METHODS
from orthoui.methods.neggrad_plus import NegGradPlusRequest, pairs
from orthoui.methods.work import Watch, Work
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, done, loss_on, same_buffers
from tests.tiny import same_tensors, state_of

FORGET = DATA["train"].subset(DATA["train"].of_class(1))


def test_no_epoch_and_a_step_of_length_0_are_the_identity_of_the_weights(model: TrainedModel) -> None:
    assert same_tensors(done("neggrad-plus", model, epochs=0).network, state_of(model.network))
    still = done("neggrad-plus", model, epochs=1, learning_rate=0, bn_mode="eval")
    assert same_tensors(still.network, state_of(model.network))


def test_a_pass_shows_every_retained_image_once_and_the_class_in_every_batch(model: TrainedModel) -> None:
    work = Work(model, DATA, NegGradPlusRequest(classes=(1,)), Watch())
    shown = [batch.labels for batch in pairs(work, 20)]
    assert len(shown) == 5
    assert all(int((labels == 1).sum()) == 20 for labels in shown)
    assert sum(int((labels != 1).sum()) for labels in shown) == len(work.retain)


@pytest.mark.parametrize("compat", [False, True])
def test_the_loss_is_beta_times_retained_less_the_rest_of_forgotten(model: TrainedModel, compat: bool) -> None:
    losses: list[float | None] = []
    watch = Watch(progress=lambda step, steps, loss: losses.append(loss))
    fields = {"epochs": 1, "batch_size": 4096, "beta": 0.7, "bn_mode": "eval", "compat": compat}
    work = Work(model, DATA, NegGradPlusRequest(classes=(1,), batch_size=4096), Watch())
    batch = next(pairs(work, 4096))
    done("neggrad-plus", model, watch, **fields)
    logits, of_class = model.network(batch.inputs), batch.labels == 1
    descent = F.cross_entropy(logits[~of_class], batch.labels[~of_class])
    ascent = F.cross_entropy(logits[of_class], batch.labels[of_class])
    assert losses == [
        pytest.approx(float(0.7 * descent - 0.3 * ascent), abs=0.02)
    ]  # the pass is in the fast precision


def test_the_loss_on_the_class_rises_and_with_beta_0_nothing_holds_it(model: TrainedModel) -> None:
    before = loss_on(model.network, FORGET)
    after = [loss_on(done("neggrad-plus", model, beta=beta, bn_mode="eval").network, FORGET) for beta in (0.95, 0)]
    assert before < after[0] < after[1]


def test_published_passes_write_class_pure_statistics(model: TrainedModel) -> None:
    fields = {"epochs": 1, "learning_rate": 0}
    ours, code = (done("neggrad-plus", model, **fields, compat=compat).network for compat in (False, True))
    assert not same_buffers(ours, code)
    tracked = [
        int(network.bn1.num_batches_tracked - model.network.bn1.num_batches_tracked) for network in (ours, code)
    ]
    assert tracked == [3, 6]


def test_it_is_offered_as_able_to_forget(model: TrainedModel) -> None:
    assert METHODS["neggrad-plus"].forgets
    assert torch.isfinite(done("neggrad-plus", model).network(torch.zeros(1, 3, 20, 20))).all()
