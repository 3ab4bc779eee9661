"""Commands that print in every terminal."""

import io
import sys

import click


class Printing(click.Command):
    """A command whose output ends in no error where the terminal is not UTF-8.

    Characters that it does not have come out as `?`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Before anything is printed, even help."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        return super().parse_args(ctx, args)


class PrintingGroup(Printing, click.Group):
    """The same of a group of commands."""
