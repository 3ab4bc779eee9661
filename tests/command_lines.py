"""The project's command lines, parsed without being run."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click


def parse(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The command's name and the parameters that `python -m module …` gets.

    Raises click.UsageError for what it would refuse.
    """
    python, flag, module, *arguments = words
    assert (python, flag) == ("python", "-m"), words
    name = module if module == "app.serve" else f"{module}.__main__"
    main: click.Command = import_module(name).main
    with main.make_context(module, arguments) as context:
        if not isinstance(main, click.Group):
            return module, context.params
        subcommand, command, rest = main.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        assert subcommand is not None
        with command.make_context(subcommand, rest, parent=context) as inner:
            return subcommand, inner.params
