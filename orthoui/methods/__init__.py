"""Every method of the field, one file each, registered the same way; see ``base`` for what a method is.

Importing this package registers the built-in methods: every module here that defines one.
"""

from importlib import import_module
from pkgutil import iter_modules

from orthoui.methods.base import METHODS, Method, MethodRequest, Need, Unlearned, method, unlearn

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["METHODS", "Method", "MethodRequest", "Need", "Unlearned", "method", "unlearn"]
