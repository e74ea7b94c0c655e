"""Starts a service so that it belongs to nobody: run as a program of its own, with no other module of ours.

    python -I -S launch.py PID_FILE LOG CWD PROGRAM [ARGUMENT...]

The service gets a session of its own, no open files but its log, and the environment of this program
without the mark by which it would be ended together with it. The pid file is put in place before the program begins, so there is never a service
without one. Prints `started NUMBER`, or `failed WHY` when nothing runs; anything else is unknown.
"""

import contextlib
import os
import signal
import stat
import sys

# By this variable `programs.run` finds whatever descends from the program it runs.
_MARK = "ALLSTOP_RUN"


def _log(path: str) -> int:
    if not path:
        return os.open(os.devnull, os.O_WRONLY)
    # Not blocking: opening a pipe nobody reads would wait for ever.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, 0o640)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise OSError(f"{path} is no ordinary file")
    os.set_blocking(handle, True)
    return handle


def _write_pid(path: str) -> None:
    new = f"{path}.{os.getpid()}.new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(handle, f"{os.getpid()}\n".encode())
    os.close(handle)
    os.replace(new, path)  # noqa: PTH105 - pathlib takes longer to load than all of this


def _take_back_pid(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    ours = os.read(handle, 100).strip() == str(os.getpid()).encode()
    os.close(handle)
    if ours:
        os.unlink(path)  # noqa: PTH108 - as above


def _become(report: int, log: int, pid_file: str, argv: list[str], env: dict[str, str]) -> None:
    """In the child: turn into the program, or say why not and end."""
    try:
        os.setsid()
        _write_pid(pid_file)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        # What Python ignores, and what its parent blocked, would be inherited.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvpe(argv[0], argv, env)  # noqa: S606 - that there is no shell is the point
    except BaseException as error:  # noqa: BLE001 - a copy of this program must not live on
        with contextlib.suppress(OSError):
            _take_back_pid(pid_file)
        why = getattr(error, "strerror", None) or str(error)
        os.write(report, f"cannot start {argv[0]}: {why}".encode("utf-8", "replace"))
    finally:
        os._exit(127)


def main(arguments: list[str]) -> str:
    """Start it; returns what to print."""
    pid_file, log_path, cwd, *argv = arguments
    env = {key: value for key, value in os.environ.items() if key != _MARK}
    try:
        log = _log(log_path)
        if cwd:
            os.chdir(cwd)
        reading, writing = os.pipe()
    except OSError as error:
        return f"failed {error}"
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _become(writing, log, pid_file, argv, env)
    os.close(writing)
    # Ends when the program begins: the pipe closes with that.
    with os.fdopen(reading, "rb") as report:
        why = report.read().decode("utf-8", "replace")
    return f"failed {why}" if why else f"started {pid}"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
