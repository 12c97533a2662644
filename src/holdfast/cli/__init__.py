"""The `holdfast` command: one file per group of commands. It says what went wrong in one line, and never a traceback.

Exit codes: 0 done, 1 not done or something was found, 2 the command was not understood, 130 interrupted.
"""

import click

from holdfast import __version__
from holdfast.cli.accounts import account, token
from holdfast.cli.bookings import book
from holdfast.cli.calendars import calendar
from holdfast.cli.checking import check
from holdfast.cli.database import backup, migrate, restore
from holdfast.cli.files import import_
from holdfast.cli.looking import board
from holdfast.cli.replaying import replay
from holdfast.cli.secrets import secrets
from holdfast.cli.serving import demo, serve, settings
from holdfast.cli.working import work

EPILOG = "Start with: holdfast demo"


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="holdfast")
def main() -> None:
    """Places whose screens must not lie: bookings, occupancy and status of cafés, hotels and sports grounds.

    Without HOLDFAST_DATABASE_URL it starts its own PostgreSQL in the data folder; nothing else is needed.
    Every setting can be given as a HOLDFAST_… variable, in holdfast.toml, or as a flag: `holdfast settings`.
    """


for _command in (
    demo, serve, work, account, token, board, book, calendar, check, import_, replay, migrate, backup, restore, secrets,
    settings,
):  # fmt: skip
    main.add_command(_command)
