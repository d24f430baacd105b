"""Command lines as they stand in deployment files, taken apart by the command line itself."""

import click

from pipelines.cli.main import cli


def understood(arguments: list[str]) -> str:
    """Returns the verb of a command line; raises click.UsageError where the verb or an option does not exist."""
    command: click.Command = cli
    context = click.Context(cli, info_name="reconwatch", **cli.context_settings)
    verb = []
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert name is not None
        assert found is not None
        verb.append(name)
        command, context = found, click.Context(found, parent=context, info_name=name)
    command.make_parser(context).parse_args(list(arguments))
    return " ".join(verb)
