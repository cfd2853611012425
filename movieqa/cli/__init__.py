"""The command line; `app.py` holds the table of verbs."""

from .app import main

__all__ = ["main"]
