"""SSD without labels: importance is how much a weight moves the length of the answer."""

from collections.abc import Callable

from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import method
from orthoui.methods.importance import each_gradient, mean_absolute
from orthoui.methods.ssd import DampeningRequest, dampened
from orthoui.methods.work import Batch, Work


@method(
    "lfssd",
    title="SSD, label-free",
    source="Foster, Schoepf and Brintrup, 2024 (arXiv 2402.19308)",
    summary="As SSD, but what matters is measured by the size of the model's answers, without labels.",
    request=DampeningRequest,
    needs={"forget images", "retain images", "gradients"},
    search={"selection": (10, 12, 15, 20), "dampening": (1, 5)},
)
def lfssd(work: Work) -> nn.Module:
    """Measure |∂ mean‖f(x)‖²| on the class and on all training images, then dampen as SSD does."""
    return dampened(work, sensitivity)


def sensitivity(
    work: Work, network: nn.Module, images: ImageSet, batch_size: int, told: Callable[[int], None]
) -> list[Tensor]:
    """Return the mean over batches of |∂ (1/|B|) Σ ‖f(x)‖²| by every parameter; labels are not read."""
    return mean_absolute(each_gradient(work, network, images, batch_size, told, squared_length))


def squared_length(logits: Tensor, batch: Batch) -> Tensor:
    """Return the mean over images of the squared length of the logits (N, classes)."""
    return logits.square().sum() / len(batch)
