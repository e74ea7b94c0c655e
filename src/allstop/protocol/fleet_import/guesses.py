"""What files suggest without saying it. Everything that comes from here is marked as assumed in the draft."""

from __future__ import annotations

import re
from collections.abc import Container

# Programs that keep data, by the name of their image, unit or program.
_KEEPERS = (
    "postgres", "postgresql", "postgis", "timescaledb", "mysql", "mysqld", "mariadb", "percona", "mongo",
    "mongodb", "mongod", "redis", "valkey", "keydb", "cassandra", "scylla", "cockroach", "cockroachdb",
    "elasticsearch", "opensearch", "solr", "kafka", "redpanda", "zookeeper", "rabbitmq", "nats", "etcd",
    "consul", "vault", "minio", "influxdb", "clickhouse", "clickhouse-server", "couchdb", "neo4j",
    "memgraph", "mssql", "oracle", "db2", "dynamodb", "prometheus", "victoriametrics", "loki", "gitea",
    "nexus", "registry", "ldap", "openldap", "meilisearch", "typesense", "qdrant", "weaviate",
)  # fmt: skip
_KEEPER = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(_KEEPERS)})(?![a-z])", re.IGNORECASE)
# Folders in which programs keep data.
_DATA = re.compile(
    r"/(?:var/lib|var/opt|srv|bitnami|data|usr/share/[\w-]+/data)(?:/|$)|/data(?:/|$)"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9])?")


def keeps_data(name: str) -> bool:
    """Whether an image, a unit or a program is of a kind that keeps data."""
    last = name.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0]
    return bool(_KEEPER.search(last[:200]))


def is_data_folder(path: str) -> bool:
    return bool(_DATA.search(path[:500]))


def hosts_in(text: str, known: Container[str]) -> list[str]:
    """Which of the known names stand in a text as a host: alone, before a port, or in a URL.

    known: names, and names with a dot behind which more may follow.
    """
    found: dict[str, None] = {}
    for one in re.split(r"[,;\s]+", text[:2000]):
        rest = one.split("://", 1)[-1].rsplit("@", 1)[-1]
        match = _HOST.match(rest)
        if not match or rest[match.end() : match.end() + 1] not in ("", ":", "/", "?"):
            continue
        host = match[0]
        alone = host == rest and "://" not in one
        # A word by itself names a host only where it is exactly one of ours.
        if host in known:
            found[host] = None
        elif not alone or "." in host:
            first = host.split(".")
            for count in (2, 1):
                if ".".join(first[:count]) in known and len(first) > count:
                    found[".".join(first[:count])] = None
                    break
    return list(found)
