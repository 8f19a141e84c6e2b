"""A method's work in a test: what ``unlearn`` would hand to it, and the forward pass of a result."""

import torch
from torch import Tensor, nn

from orthoui.data import Dataset, ImageSet
from orthoui.methods import METHODS, Method, MethodRequest
from orthoui.methods.work import Watch, Work
from orthoui.models.trained import TrainedModel
from tests.tiny import inputs


def request(name: str, **fields: object) -> MethodRequest:
    """The request of a method to forget class 1."""
    return METHODS[name].request.model_validate({"classes": (1,), **fields})


def quick(method: Method, **fields: object) -> MethodRequest:
    """The smallest request of a method: one epoch where it has epochs."""
    known = method.request.model_fields
    small: dict[str, object] = {"epochs": 1, "tuning_epochs": 1, "batch_size": 32, "images_per_class": 5}
    small |= {"steps": 2, "noise_steps": 2, "repeats": 2}
    chosen = {name: value for name, value in small.items() if name in known}
    return method.request.model_validate({"classes": (1,), **chosen, **fields})


def work_of(model: TrainedModel, data: Dataset, asked: MethodRequest, watch: Watch | None = None) -> Work:
    """A work as a method gets it."""
    return Work(model, data, asked, watch or Watch())


@torch.no_grad()
def logits_of(network: nn.Module, images: ImageSet) -> Tensor:
    """Logits in float32 and evaluation mode."""
    logits: Tensor = network.eval()(inputs(images))
    return logits


def moved(network: nn.Module, model: TrainedModel) -> float:
    """Euclidean distance between the parameters of a network and a model's."""
    pairs = zip(network.parameters(), model.network.parameters(), strict=True)
    return float(sum(((new - old) ** 2).sum() for new, old in pairs) ** 0.5)
