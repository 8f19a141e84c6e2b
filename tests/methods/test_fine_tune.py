"""Fine-tuning, its card's checks; they hold for its ℓ1-sparse variant as well."""

import pytest
import torch

from orthoui.methods.l1_sparse import L1SparseRequest, alpha_in, l1_norm
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, done, labels_drawn, loss_on, still_images
from tests.tiny import same_tensors, state_of

VARIANTS = ["fine-tune", "l1-sparse", "cf-k"]


@pytest.mark.parametrize("name", VARIANTS)
def test_no_epoch_is_the_identity(model: TrainedModel, name: str) -> None:
    assert same_tensors(done(name, model, epochs=0).network, state_of(model.network))


@pytest.mark.parametrize("name", [*VARIANTS, "eu-k"])
def test_no_image_of_the_class_is_drawn(model: TrainedModel, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    drawn = labels_drawn(monkeypatch)
    result = done(name, model, epochs=2)
    labels = torch.cat(drawn)
    assert len(labels) == result.samples == 180
    assert not (labels == 1).any()


@pytest.mark.parametrize("name", VARIANTS)
def test_the_loss_on_retained_images_falls(name: str) -> None:
    model, retained = still_images(), DATA["train"].without((1,))
    fields = {"bn_mode": "eval", "epochs": 10, "learning_rate": 0.003}
    assert loss_on(done(name, model, **fields).network, retained) < 0.9 * loss_on(model.network, retained)


def test_the_weight_of_the_sparsity_term_fades_linearly_to_its_last_epoch() -> None:
    request = L1SparseRequest(classes=(1,), epochs=6, plain_epochs=2, alpha=0.4)
    assert [alpha_in(epoch, request) for epoch in range(6)] == pytest.approx([0.4, 0.3, 0.2, 0.1, 0, 0])
    assert alpha_in(0, request.model_copy(update={"plain_epochs": 9})) == 0


def test_without_the_term_it_is_fine_tuning(model: TrainedModel) -> None:
    plain = done("fine-tune", model, epochs=2)
    assert same_tensors(done("l1-sparse", model, epochs=2, alpha=0).network, state_of(plain.network))
    assert same_tensors(done("l1-sparse", model, epochs=2, plain_epochs=2).network, state_of(plain.network))


def test_the_term_is_the_sum_of_all_magnitudes_and_makes_them_smaller(model: TrainedModel) -> None:
    def size(network: torch.nn.Module) -> float:
        return float(l1_norm(list(network.parameters())))

    everything = torch.cat([part.flatten() for part in model.network.parameters()])
    assert size(model.network) == pytest.approx(float(torch.linalg.vector_norm(everything, ord=1)), rel=1e-5)
    plain, sparse = (done("l1-sparse", model, epochs=3, alpha=alpha).network for alpha in (0, 1))
    assert size(sparse) < 0.9 * size(plain)
