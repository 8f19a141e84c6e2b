"""The model as it was trained: what forgetting starts from."""

from torch import nn

from orthoui.methods.base import MethodRequest, method
from orthoui.methods.work import Work


@method(
    "original",
    title="Original",
    source="The model itself",
    summary="Changes nothing: what forgetting starts from.",
    request=MethodRequest,
    needs=set(),
    forgets=False,
    control=True,
)
def original(work: Work) -> nn.Module:
    """Return the network as it was trained."""
    with work.stage("edit"):
        return work.student()
