"""The dashboard and its engine, both ended in order with Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import mtl_core
from mtl_core.api import Lab
from mtl_core.registry import InvalidInput

HOST = "127.0.0.1"
FIRST_PORT = 8501
APP = Path(mtl_core.__file__).parent.parent / "app.py"


def serve(port: int | None, opens_browser: bool) -> int:
    """Runs until Ctrl-C or a signal; exit code of the web server."""
    if not APP.is_file():
        raise InvalidInput(f"the dashboard's {APP} is missing; run mtl-lab from a checkout of the repository")
    port = _free_port(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lab = Lab()
    lab.ensure_engine()
    web = _start_web(port)
    try:
        if opens_browser and _has_display() and _answers(port, web):
            webbrowser.open(f"http://{HOST}:{port}")
        return web.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(web)
        lab.close()


def _start_web(port: int) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C reaches us only. Settings lie beside the app."""
    options = {"server.port": port, "server.address": HOST, "server.headless": "true"}
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *flags]
    return subprocess.Popen(command, cwd=APP.parent, start_new_session=True)


def _end(web: subprocess.Popen[bytes]) -> None:
    web.terminate()
    try:
        web.wait(timeout=5)
    except subprocess.TimeoutExpired:
        web.kill()
        web.wait()


def _free_port(wanted: int | None) -> int:
    """The port that was asked for, or the first free one."""
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise InvalidInput(f"port {wanted or FIRST_PORT} is in use; give another one with --port")


def _answers(port: int, web: subprocess.Popen[bytes]) -> bool:
    """Wait until the web server can be reached."""
    while web.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return True
        time.sleep(0.05)
    return False


def _has_display() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
