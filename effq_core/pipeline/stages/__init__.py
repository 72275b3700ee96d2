"""What stages do: importing this package registers all of them, and imports no TensorFlow."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)
