"""Runs the benches, all or those named, each on a fresh embedded database, and prints what they measured."""

import importlib
import json
import pkgutil
import sys
import tempfile
from pathlib import Path

import uvloop

import bench
from holdfast.store.embedded import EmbeddedServer
from holdfast.store.migrate import migrate

NOT_BENCHES = {"__main__", "ground", "minute_cron", "peers", "serving", "store_dlt", "store_sync"}


async def run(name: str) -> dict[str, object]:
    module = importlib.import_module(f"bench.{name}")
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder) / "data")
        await server.start()
        try:
            await migrate(server.url)
            result: dict[str, object] = await module.main(server.url)
            return result
        finally:
            await server.stop()


def main() -> None:
    known = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if m.name not in NOT_BENCHES)
    names = sys.argv[1:] or known
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"There is no bench {', '.join(unknown)}; there are: {', '.join(known)}.")
    for name in names:
        print(f"── {name}: {importlib.import_module(f'bench.{name}').__doc__}", flush=True)
        for what, figures in uvloop.run(run(name)).items():
            print(f"  {what}: {json.dumps(figures)}", flush=True)


if __name__ == "__main__":
    main()
