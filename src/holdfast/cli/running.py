"""What all commands share: settings from their flags, an event loop, and failures in one line."""

import asyncio
import os
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from holdfast.services.administration import AdministrationError, told
from holdfast.settings import Settings, SettingsError, load

T = TypeVar("T")
Command = Callable[..., Any]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def database_options(command: Command) -> Command:
    """The flags that say which database is meant."""
    for option in reversed(
        (
            click.option("--data", type=click.Path(file_okay=False), help="Folder of the own PostgreSQL."),
            click.option("--database-url", metavar="URL", help="PostgreSQL to use instead of an own one."),
            click.option("--config", type=click.Path(dir_okay=False), help="Settings file (default: holdfast.toml)."),
        )
    ):
        command = option(command)
    return command


def settings_of(**flags: object) -> Settings:
    """The settings with these flags over file and variables; a usage error when they do not fit."""
    try:
        return load(flags, os.environ, Path.cwd())
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine; what a person can act on becomes one line."""
    with in_one_line():
        try:
            import uvloop
        except ImportError:  # pragma: no cover - Windows
            return asyncio.run(work)
        return uvloop.run(work)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Failures that a person can act on, as click's errors (exit code 1)."""
    try:
        with told():
            yield
    except (AdministrationError, OSError) as error:
        raise click.ClickException(str(error)) from None
    except click.ClickException:
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
    except Exception as error:  # the top of the program: a bug is named, and told in full only when asked for
        if os.environ.get("HOLDFAST_TEST_TRACEBACK"):
            traceback.print_exc()
        name = type(error).__name__
        raise click.ClickException(f"{name}: {error} (this is a bug in Holdfast; please report it)") from error
