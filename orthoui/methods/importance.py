"""What single weights matter for some images: gradients of the unchanged model, gathered batch by batch."""

from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.work import Batch, Work

BatchLoss = Callable[[Tensor, Batch], Tensor]
"""From logits (N, classes) and their batch to one number, a mean over the batch."""
Add = Callable[[list[Tensor], tuple[Tensor, ...]], object]


def label_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Return the mean cross entropy with the true labels."""
    return F.cross_entropy(logits, batch.labels)


def each_gradient(
    work: Work,
    network: nn.Module,
    images: ImageSet,
    batch_size: int,
    told: Callable[[int], None],
    loss_of: BatchLoss = label_loss,
) -> Iterator[tuple[Tensor, ...]]:
    """Yield, per batch, the gradient of its mean loss by every parameter of ``network``, in their order.

    The network is left in evaluation mode: its batch norms neither move nor mix the images. Images are taken as
    they are, and everything is float32, because squares of gradients span more than a half-precision number can
    hold. The order depends on the seed and the number of images only, so that equal sets give equal batches.
    ``told`` hears the number of every batch that is done.
    """
    network.eval()
    parameters = list(network.parameters())
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(work.request.seed))
    for number, positions in enumerate(torch.split(order, batch_size), start=1):
        batch = work.batch(images, positions)
        work.forward_passes += len(batch)
        work.backward_passes += len(batch)
        loss = loss_of(network(batch.inputs), batch)
        yield torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        told(number)


def mean_square(gradients: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """Return the mean over batches of the squared gradients, a tensor per parameter.

    Of ``each_gradient`` this is the diagonal Fisher information as the SSD code estimates it. Its noise falls with
    the batch size: compare only what was measured with the same one.
    """
    return _mean(gradients, lambda total, gradient: torch._foreach_addcmul_(total, gradient, gradient))


def mean_absolute(gradients: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """Return the mean over batches of the gradients' absolute values, a tensor per parameter."""
    return _mean(gradients, lambda total, gradient: torch._foreach_add_(total, torch._foreach_abs(gradient)))


def summed(gradients: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """Return the sum over batches of the gradients, a tensor per parameter."""
    return _gathered(gradients, torch._foreach_add_)[0]


def _mean(gradients: Iterable[tuple[Tensor, ...]], add: Add) -> list[Tensor]:
    total, batches = _gathered(gradients, add)
    torch._foreach_div_(total, batches)
    return total


def _gathered(gradients: Iterable[tuple[Tensor, ...]], add: Add) -> tuple[list[Tensor], int]:
    total: list[Tensor] = []
    batches = 0
    for gradient in gradients:
        total = total or [torch.zeros_like(part) for part in gradient]
        add(total, gradient)
        batches += 1
    return total, batches
