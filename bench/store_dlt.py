"""The same load by `dlt`, in an environment of its own: `python store_dlt.py <database url> <shop address> <token>`.

Pages of 250 from the same server, merged into PostgreSQL by primary key, as its documentation shows it.
"""

import json
import resource
import sys
import time
from urllib.parse import parse_qsl, urlsplit

import dlt
from dlt.sources.helpers import requests

QUERY = "query Orders($rows: Int!, $after: String, $query: String!) { orders }"


def main(url: str, address: str, token: str) -> None:
    session = requests.Client()

    @dlt.resource(name="orders", primary_key="id", write_disposition="merge")
    def orders():
        after = None
        while True:
            variables = {"rows": 250, "after": after, "query": "updated_at:<='2100-01-01T00:00:00Z'"}
            reply = session.post(
                f"{address}/admin/api/2026-10/graphql.json",
                json={"query": QUERY, "variables": variables},
                headers={"x-shopify-access-token": token},
            ).json()
            found = reply["data"]["orders"]
            for node in found["nodes"]:
                lines = node.pop("lineItems")["nodes"]
                yield {**node, "lines": lines}
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]

    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    credentials = {
        "host": parts.hostname or "localhost",
        "port": int(given.get("port") or parts.port or 5432),
        "username": parts.username,
        "password": parts.password or "none",
        "database": parts.path.lstrip("/"),
        # a folder of sockets is told beside the address
        "query": {"host": given["host"]} if "host" in given else {},
    }
    destination = dlt.destinations.postgres(credentials=credentials)
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name=f"dlt_{time.time_ns()}", progress=None)
    began, before = time.perf_counter(), time.process_time()
    pipeline.run(orders())
    took = time.perf_counter() - began
    with pipeline.sql_client() as client:
        count = client.execute_sql("select count(*) from orders")[0][0]
    told = {
        "dlt": dlt.__version__, "orders": count, "seconds": round(took, 2), "orders_per_s": round(count / took),
        "cpu_s": round(time.process_time() - before, 2),
        "resident_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }  # fmt: skip
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
