"""Settings: found like git finds its own, read strictly, explained when wrong."""

import dataclasses
import os
import stat
from pathlib import Path

import pytest

from allstop.errors import Invalid, Missing, Unavailable
from allstop.settings import REMOVED, SETTINGS, Settings, prepare_state, read_settings


def write(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / "allstop.toml").write_text(text)
    return home


def wrong(home: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read_settings(home, environ or {})
    return caught.value.text.splitlines()


def test_what_holds_without_a_word(tmp_path: Path) -> None:
    found = read_settings(write(tmp_path, ""), {})
    assert (found.bind, found.port, found.log_level) == ("127.0.0.1", 7411, "info")
    assert found.socket == tmp_path / ".allstop/allstop.sock"
    assert found.database == tmp_path / ".allstop/allstop.db"


def test_the_project_is_found_upwards(tmp_path: Path) -> None:
    write(tmp_path, "")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert read_settings(None, {}, inner).home == tmp_path


def test_without_a_project_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Missing) as caught:
        read_settings(tmp_path / "nowhere", {})
    assert caught.value.hint == f"allstop init {tmp_path / 'nowhere'}"


def test_no_project_is_needed_for_a_coordinator_elsewhere(tmp_path: Path) -> None:
    found = read_settings(None, {"ALLSTOP_TOKEN": "t"}, tmp_path, url="https://a.example.org/")
    assert (found.has_project, found.url, found.token) == (False, "https://a.example.org", "t")


def test_the_environment_overrules_the_file(tmp_path: Path) -> None:
    home = write(tmp_path, 'port = 1\nhosts = ["A.example.org"]\n')
    found = read_settings(None, {"ALLSTOP_HOME": str(home), "ALLSTOP_PORT": "0"}, tmp_path)
    assert (found.port, found.hosts) == (0, ("a.example.org",))
    assert read_settings(home, {"ALLSTOP_HOSTS": "x, y"}).hosts == ("x", "y")


def test_all_mistakes_at_once_with_line_and_hint(tmp_path: Path) -> None:
    home = write(
        tmp_path, '# mine\nprot = 7\n\nport = "eighty"\nlog_level = "loud"\n[server]\nbind = "::"\n'
    )
    file = home / "allstop.toml"
    found = wrong(home, {"ALLSTOP_PROT": "1", "ALLSTOP_RUN": "a tool's own", "ALLSTOP_BIND": "::1"})
    assert found == [
        f"{file}:2: there is no setting prot (did you mean port?)",
        f"{file}:6: server: there are no sections: write port = 7411",
        "ALLSTOP_PROT is no setting (did you mean ALLSTOP_PORT?)",
        f"{file}:4: port must be a whole number from 0 (any free port) to 65535",
        f"{file}:5: log_level must be one of debug, info, warning, error",
    ]


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1"])
def test_the_network_is_refused_with_the_reason(tmp_path: Path, bind: str) -> None:
    (line,) = wrong(write(tmp_path, f'bind = "{bind}"\n'))
    assert "is not a loopback address: pages and API speak plain HTTP" in line


def test_broken_toml_says_where(tmp_path: Path) -> None:
    (line,) = wrong(write(tmp_path, "port = \n"))
    assert "line 1" in line


def test_secrets_do_not_stand_in_files(tmp_path: Path) -> None:
    (line,) = wrong(write(tmp_path, 'token = "x"\n'))
    assert "ALLSTOP_TOKEN or token_file" in line


def test_a_token_file_is_for_its_owner_only(tmp_path: Path) -> None:
    home = write(tmp_path, 'token_file = "t"\n')
    (home / "t").write_text("allstop_x\n")
    (home / "t").chmod(0o644)
    assert "others can read" in wrong(home)[0]
    (home / "t").chmod(0o600)
    found = read_settings(home, {})
    assert found.token == "allstop_x"
    assert "allstop_x" not in repr(found)


def test_a_long_path_gets_a_short_socket_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if len(os.fsencode(tmp_path)) > 50:
        monkeypatch.delenv("XDG_RUNTIME_DIR")
    homes = [write(tmp_path / ("x" * 60) / ("y" * 60) / name, "") for name in ("a", "b")]
    first, second = (read_settings(home, {}) for home in homes)
    assert first.socket != second.socket
    assert len(os.fsencode(first.socket)) <= 100
    prepare_state(first)
    assert stat.S_IMODE(first.socket.parent.stat().st_mode) == 0o700
    first.socket.parent.rmdir()


def test_a_link_to_the_project_is_the_same_project(tmp_path: Path) -> None:
    home = write(tmp_path / "real", "")
    (tmp_path / "link").symlink_to(home)
    assert read_settings(tmp_path / "link", {}) == read_settings(home, {})


def test_the_state_is_for_its_owner_only(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, ""), {})
    settings.state.mkdir(mode=0o755)
    prepare_state(settings)
    assert stat.S_IMODE(settings.state.stat().st_mode) == 0o700
    assert (settings.state / ".gitignore").read_text() == "*\n"


def test_somebody_elses_folder_is_not_used(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, ""), {})
    (tmp_path / "trap").mkdir()
    settings.state.symlink_to(tmp_path / "trap")
    with pytest.raises(Unavailable):
        prepare_state(settings)


def test_the_table_is_the_only_list(tmp_path: Path) -> None:
    names = {field.name for field in dataclasses.fields(Settings)} - {"home", "has_project"}
    assert names == {setting.name for setting in SETTINGS}
    assert not (REMOVED.keys() & {setting.name for setting in SETTINGS if not setting.secret})
