"""Every method of the field, one file each, registered the same way; see ``base`` for what a method is.

Importing this package registers the built-in methods, every module here that defines one, and then the user's own
ones, where the setting ``ORTHOUI_METHODS`` names a folder of them; ``OWN`` says which, and what was refused.
"""

from importlib import import_module
from pkgutil import iter_modules

from orthoui.methods.base import METHODS, Method, MethodRequest, Need, Unlearned, method, unlearn
from orthoui.methods.own import load_own
from orthoui.settings import settings

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

OWN = load_own(settings().methods)

__all__ = ["METHODS", "OWN", "Method", "MethodRequest", "Need", "Unlearned", "method", "unlearn"]
