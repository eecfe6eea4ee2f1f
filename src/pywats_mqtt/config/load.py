"""Reads the configuration: the file, the environment laid over it, and whether the files it names are there.

Relative paths are taken from the folder of the configuration file. Of a file that holds a secret only its presence is
checked here; who needs the secret reads it, late, so that a new one is found without a restart.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pywats_mqtt.config.decode import decode, parse, problem
from pywats_mqtt.config.model import BridgeConfig, MQTTConfig, Secret, SpoolConfig, WatsConfig
from pywats_mqtt.config.settings import ENV_PREFIX
from pywats_mqtt.config.zones import zone_of

TOKEN_VARIABLE = "WATS_AUTH_TOKEN"  # noqa: S105  # a variable's name; pywats itself reads the token from it
"""Environment variable that gives the token where the configuration names none."""

ENVIRONMENT = "environment"
"""What stands in a message for the file's name where there is no file."""


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a configuration came from, to resolve its paths and to name its places."""

    file: str
    folder: Path
    env: Mapping[str, str]

    def place(self, table: str, key: str) -> str:
        """Name the file's key, or the variable that was laid over it."""
        variable = f"{ENV_PREFIX}{table}__{key}".upper()
        return variable if variable in self.env else f"{self.file}: [{table}] {key}"


def load(path: Path | None, env: Mapping[str, str]) -> BridgeConfig:
    """Read the configuration.

    Args:
        path: the TOML file; None for the defaults and the environment alone.
        env: the environment: `PYWATS_MQTT__MQTT__BROKER` and its like, and `WATS_AUTH_TOKEN`.

    Returns:
        The configuration, with every path resolved.

    Raises:
        Fatal: the file is missing or no TOML, a key is unknown, a value is of the wrong kind, a file that is named is
            not there, or a secret is given twice. The message is one line with the file, the place and the fix.
    """
    file = ENVIRONMENT if path is None else str(path)
    document = {} if path is None else parse(_read(path), file)
    config = decode(document, file, env)
    at = _Origin(file=file, folder=Path() if path is None else path.parent, env=env)
    try:
        zone_of(config.shifts.timezone)
    except ValueError as exc:
        what, _, fix = str(exc).partition("; ")
        raise problem(at.place("shifts", "timezone"), what, fix) from None
    return msgspec.structs.replace(
        config, mqtt=_mqtt(config.mqtt, at), wats=_wats(config.wats, at), spool=_spool(config.spool, at)
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as exc:
        raise problem(str(path), f"byte {exc.start} is not UTF-8", "save the file as UTF-8") from None
    except FileNotFoundError:
        raise problem(str(path), "no such file", "name the configuration with -c FILE") from None
    except OSError as exc:
        raise problem(str(path), f"cannot be read: {exc.strerror}", "name the configuration with -c FILE") from None


def _mqtt(config: MQTTConfig, at: _Origin) -> MQTTConfig:
    if config.password is not None and config.password_file is not None:
        raise problem(f"{at.file}: [mqtt]", "password and password_file are both set", "keep one of them")
    return msgspec.structs.replace(
        config,
        password_file=_present(config.password_file, at, "mqtt", "password_file"),
        ca_cert=_present(config.ca_cert, at, "mqtt", "ca_cert"),
        client_cert=_present(config.client_cert, at, "mqtt", "client_cert"),
        client_key=_present(config.client_key, at, "mqtt", "client_key"),
    )


def _wats(config: WatsConfig, at: _Origin) -> WatsConfig:
    if config.token is not None and config.token_file is not None:
        raise problem(f"{at.file}: [wats]", "token and token_file are both set", "keep one of them")
    token = at.env.get(TOKEN_VARIABLE, "").strip()
    if config.token is None and config.token_file is None and token:
        return msgspec.structs.replace(config, token=Secret(token))
    return msgspec.structs.replace(config, token_file=_present(config.token_file, at, "wats", "token_file"))


def _spool(config: SpoolConfig, at: _Origin) -> SpoolConfig:
    path, place = at.folder / config.path, at.place("spool", "path")
    try:
        if not path.parent.is_dir():
            raise problem(place, f"there is no folder {path.parent}", "make it, or name another")
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG  # it will be one
    except OSError as exc:
        raise problem(
            place, f"{path} cannot be used: {exc.strerror}", "name a file the bridge's user may use"
        ) from None
    if stat.S_ISDIR(mode):
        raise problem(place, f"{path} is a folder", "name a file in it")
    if not stat.S_ISREG(mode):
        raise problem(place, f"{path} is no file", "name one on a disk")
    return msgspec.structs.replace(config, path=str(path))


def _present(named: str | None, at: _Origin, table: str, key: str) -> str | None:
    """Resolve a path and see that there is a file one may read."""
    if named is None:
        return None
    path, place = at.folder / named, at.place(table, key)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        raise problem(place, f"no such file: {path}", "correct the path; it starts at this file's folder") from None
    except OSError as exc:
        raise problem(place, f"{path} cannot be read: {exc.strerror}", "correct the path") from None
    if is_folder:
        raise problem(place, f"{path} is a folder", "name the file in it")
    if not os.access(path, os.R_OK):
        raise problem(place, f"{path} cannot be read: Permission denied", "let the bridge's user read it")
    return str(path)
