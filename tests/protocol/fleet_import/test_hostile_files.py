"""Whatever is imported: the draft loads and passes its check, every value has its line, and no line is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allstop.protocol.fleet_import import SourceFile, import_fleet
from tests.protocol.fleet_import.trees import FILES, checked

TEXTS = {
    str(path.relative_to(FILES)): path.read_text("utf-8")
    for path in sorted(FILES.rglob("*"))
    if path.is_file()
}
NAMES = ("compose.yaml", "a/web.service", "web.service.d/x.conf", "x.conf", "x.json", "web.socket", "", "a b#: {}.yaml", "x lines 3.yaml")  # fmt: skip
COMPOSE = (
    "services:", "services: {}", "services:\n  web:", "services: [web]", "  db:", "  db: {}", "    image: postgres:15", "    image: [x]",
    "    depends_on: [db, web, nobody]", "    depends_on:\n      db: {condition: service_healthy}", "    depends_on: {db: }", "    depends_on: db",
    '    ports: ["80:80", 443, "x", {published: 1}, [1]]', "    ports: 80", "    healthcheck: {test: [CMD, a], retries: 3, timeout: 1s}",
    "    healthcheck: {test: [NONE]}", "    healthcheck:\n      test: |\n        a\n        b", "    healthcheck: {disable: true}", "    volumes: [a:/data, ./x:/y]",
    "    deploy: {replicas: 3}", "    deploy: {replicas: ${N:-2}}", "    deploy: 3", "    scale: 99999999999", "    environment: {A: db, B: 'http://db:1/'}",
    "    environment: [A=db, B]", "    stop_grace_period: 1m", "    stop_grace_period: ${X}", "    network_mode: service:db", "    links: [db]",
    "    <<: *base", "x-base: &base {image: redis, volumes: [a:/data]}", "    <<: [*base, *base]", "    ports: !reset null", "version: '3'",
    '    healthcheck: {test: [CMD, "\\u202e"]}', '    healthcheck: {test: [CMD, "\\t"]}', '  "a\\u0000b": {}', "  ? [a, b]\n  : c", "  *base : x",
)  # fmt: skip
UNITS = (
    "[Unit]", "[Service]", "[Install]", "[Socket]", "[Unit", "[]", "Requires=a.service b.service", "Wants=", "After=web.service", "Before=web.service",
    "BindsTo=x@.service %i.service", "ExecStart=/a \\", "   -b \\", "# comment", "; comment", "TimeoutStopSec=5", "TimeoutStopSec=infinity",
    "TimeoutSec=1h", "Restart=always", "Type=oneshot", "WantedBy=multi-user.target web.service", "StateDirectory=x", "RequiresMountsFor=/var/lib/x",
    "ListenStream=80", "ListenStream=[::]:99999", "Description=A shop", "Description=\x00\u202e", "=x", "no entry", "# /etc/systemd/system/b.service",
    "[program:web]", "[program:]", "[program:a b]", "[group:g]", "programs=web,a b,nobody", "command=/usr/bin/postgres %(x)s", "priority=5", "priority=x",
    "numprocs=4", "numprocs=9999", "process_name=%(program_name)s_%(process_num)99d", "stopwaitsecs=30", "startsecs=0", "[supervisord]", "[unix_http_server]",
    "file=/run/s.sock", "file=%(here)s/s", "[inet_http_server]", "port=*:9001", "username=\u2028", "    continued", "[eventlistener:web]", 'environment=A="b;c"',
)  # fmt: skip
CLUSTER = (
    "apiVersion: v1", "kind: Deployment", "kind: StatefulSet", "kind: Service", "kind: List", "kind: PodDisruptionBudget", "kind: Pod", "kind: [x]", "---", "...",
    "metadata: {name: web}", "metadata: {name: web, namespace: shop, labels: {a: b}}", "metadata: web", 'metadata:\n  name: "\\u202e"', "items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}, x, {}]",
    "spec: {replicas: 3, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: redis, env: [{name: A, value: web}]}]}}}",
    "spec: {selector: {a: b}, ports: [{port: 80, targetPort: http}, {port: x}, 3]}", "spec: {minAvailable: 1, selector: {matchLabels: {a: b}}}",
    "spec: {maxUnavailable: 50%, selector: {matchLabels: {a: b}}}", "spec: [1]", "spec:", "  template: {spec: {containers: x}}", "  containers: [{readinessProbe: {httpGet: {path: '/\\u00e9', port: 80}}}]",
    "{{ .Values.x }}", "{{- if x }}", "# comment", "%YAML 1.2", "- list", "key: [", "&a x: *a", "a: &a [*a]", "a: *missing", "a: !!python/object:os.system x", "\t- tab", "kind: Secret", "data: {k: c2VjcmV0}",
)  # fmt: skip
WILD = st.text(
    alphabet=st.one_of(
        st.sampled_from(" \n\t#*-|>[]{}:&!%@_~\"'=;\\,0159ab\x00\x07\x85\u2028\u202e\ufeff$é🚨"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=120,
)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("name", TEXTS)
def test_every_example_by_itself(name: str, tmp_path: Path) -> None:
    found, _ = checked([SourceFile(name, TEXTS[name])], tmp_path)
    assert import_fleet([SourceFile(name, TEXTS[name])]) == found
    assert "unknown" not in found.kinds.values()


def test_all_examples_together(tmp_path: Path) -> None:
    checked([SourceFile(name, text) for name, text in TEXTS.items()], tmp_path)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_and_a_mark_at_the_beginning_change_nothing(ending: str) -> None:
    for name, text in TEXTS.items():
        given_ = SourceFile(name, "\ufeff" + text.replace("\n", ending))
        assert import_fleet([given_]) == import_fleet([SourceFile(name, text)])


def _files(parts: list[str], names: list[str], between: str) -> list[SourceFile]:
    cut = max(1, len(parts) // len(names))
    return [
        SourceFile(name, between.join(parts[number * cut : (number + 1) * cut or None]))
        for number, name in enumerate(names)
    ]


@given(
    st.sampled_from((COMPOSE, UNITS, CLUSTER)).flatmap(lambda kind: st.lists(st.sampled_from(kind), max_size=24)),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
def test_any_mixture_of_parts_loads_and_loses_nothing(
    tmp_path: Path, parts: list[str], names: list[str]
) -> None:
    checked(_files(parts, names, "\n"), tmp_path)


@given(
    st.lists(st.one_of(st.sampled_from((*COMPOSE, *UNITS, *CLUSTER)), WILD), max_size=10),
    st.lists(st.one_of(st.sampled_from(NAMES), WILD), min_size=1, max_size=3),
    st.sampled_from(["\n", "\r\n", "\n---\n"]),
)
@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
# What the reader takes for a `?`, which begins a key, has that key behind the end of the file.
@example(parts=["services:", "\x1f"], names=["compose.yaml"], between="\n")
@example(parts=["services:", "services:", "\x89"], names=["", ""], between="\r\n")
@example(parts=["\x00"], names=["\x00"], between="\n")
@example(parts=["services:", "  a: {image: x}\r    b"], names=["x"], between="\n")
def test_hostile_text_loads_and_loses_nothing(
    tmp_path: Path, parts: list[str], names: list[str], between: str
) -> None:
    checked(_files(parts, names, between), tmp_path)


@given(st.data())
@settings(max_examples=40, suppress_health_check=SLOW, deadline=None)
def test_a_mangled_file_loads_and_loses_nothing(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TEXTS)))
    lines = TEXTS[name].split("\n")
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(
            st.sampled_from(["twice", "gone", "other", "cut", "indented", "outdented"])
        ):
            case "twice":
                lines.insert(at, lines[at])
            case "gone" if len(lines) > 1:
                lines.pop(at)
            case "other":
                lines[at] = data.draw(WILD).replace("\n", " ")
            case "cut":
                lines[at] = lines[at][: len(lines[at]) // 2]
            case "indented":
                lines[at] = "  " + lines[at]
            case _:
                lines[at] = lines[at].lstrip()
    checked([SourceFile(name, "\n".join(lines))], tmp_path)


HUGE = {
    "services": ("compose.yaml", "services:\n" + "".join(f"  s{n}: {{depends_on: [s{n - 1}], image: postgres}}\n" for n in range(600))),
    "one line": ("compose.yaml", "services: {web: {image: " + "a" * 900_000 + "}}"),
    "deep": ("compose.yaml", "services: " + "{a: " * 3_000 + "}" * 3_000),
    "brackets": ("compose.yaml", "services: " + "[" * 100_000),
    "sections": ("s.conf", "".join(f"[program:p{n}]\ncommand=/x\npriority={n % 7}\n" for n in range(300))),
    "one unit": ("a.service", "[Unit]\n" + "".join(f"Wants=u{n}.service\n" for n in range(20_000))),
    "required": ("a.service", "[Unit]\nRequires=" + " ".join(f"u{n}.service" for n in range(1_000)) + "\n"),
    "backslashes": ("a.service", "[Service]\nExecStart=/a \\\n" + "  -b \\\n" * 50_000),
    "documents": ("k.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n" * 1_000),
    "variables": ("compose.yaml", "services: {web: {ports: ['" + "${A:-" * 20_000 + "']}}"),
    "names": ("compose.yaml", "services:\n" + "".join(f"  {'x' * 80}{n}: {{}}\n" for n in range(100))),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_what_is_far_too_much_loads_and_loses_nothing(name: str, tmp_path: Path) -> None:
    checked([SourceFile(*HUGE[name])], tmp_path)


def test_more_than_can_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than 1 MB"):
        import_fleet([SourceFile("compose.yaml", "#" * 1_000_001)])
    with pytest.raises(ValueError, match="more than 2,000 files"):
        import_fleet([SourceFile("a.service", "")] * 2_001)
