"""`work`: a process that runs jobs and schedules, and answers nobody."""

import click

from holdfast import app
from holdfast.cli.running import database_options, in_one_line, settings_of


@click.command()
@click.option("--queues", "job_queues", metavar="NAMES", help="Queues to work on, with commas between (default: all).")
@click.option("--jobs", "job_capacity", type=int, help="How many jobs to run at once (default: 50).")
@click.option("--modules", "job_modules", metavar="NAMES", help="Python modules that register your jobs.")
@database_options
def work(**flags: object) -> None:
    """Run jobs and schedules in a process of its own, until stopped; any number of them on one database.

    A server runs jobs too, unless it is started with HOLDFAST_JOBS=no.

    \b
    Example: holdfast work --queues mail,imports --modules shop.jobs
    """
    settings = settings_of(**flags)
    with in_one_line():
        try:
            app.run_worker(settings, on_ready=lambda queues: click.echo(f"Holdfast works on {queues}"))
        except (app.StartError, app.JobsError) as error:
            raise click.ClickException(str(error)) from None
