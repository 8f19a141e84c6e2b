"""A pruning of the tiny model that forgets."""

from orthoui.forgetting.request import ForgetRequest

REQUEST = ForgetRequest(classes=(1,), ratio=0.3, strength=0.8, target="bn", attenuation="uniform")
