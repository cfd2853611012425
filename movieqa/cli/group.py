"""How groups of verbs are shown."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup, TyperOption


class VerbGroup(TyperGroup):
    """A group of verbs whose help leaves out the variables, which follow one rule told in the epilogue."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a verb."""
        command = super().get_command(ctx, cmd_name)
        for param in command.params if command else ():
            # Several questions in one variable: a question has spaces.
            param.envvar_list_splitter = "\n"  # type: ignore[misc]  # typer keeps it on the class
            if isinstance(param, TyperOption):
                param.show_envvar = False
        return command
