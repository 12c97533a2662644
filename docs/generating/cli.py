"""The commands, each in the words of its own `--help`."""

import click

from generating.text import page
from holdfast.cli import main

HELP_COLUMNS = 96


def cli_page() -> str:
    lines = [
        "# Command line",
        "",
        "Exit codes: 0 done, 1 not done or something was found, 2 the command was not understood, 130 interrupted.",
        "",
    ]
    groups: list[tuple[str, click.Command]] = [("holdfast", main)]
    for path, command in groups:
        context = click.Context(
            command,
            info_name=path,
            terminal_width=HELP_COLUMNS,
            max_content_width=HELP_COLUMNS,
            help_option_names=main.context_settings["help_option_names"],
        )
        said = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        lines += [f"## {path}", "", "```text", said, "```", ""]
        if isinstance(command, click.Group):
            groups += [(f"{path} {name}", sub) for name, sub in command.commands.items() if not sub.hidden]
    return page(lines)
