"""The command line: the same lab without a browser."""

from mtl_core.cli.commands import main

__all__ = ["main"]
