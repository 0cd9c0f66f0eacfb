"""One module per adapter, each with ``CASES``; all of them go through the contract suite."""

import importlib
import pkgutil

from tests.support.channel_case import ChannelCase


def all_cases() -> list[ChannelCase]:
    """The cases of every module in this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [case for name in names for case in importlib.import_module(f"{__name__}.{name}").CASES]
