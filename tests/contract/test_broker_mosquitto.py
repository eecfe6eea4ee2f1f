"""What only a real broker with passwords, certificates and limits can show."""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trustme

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.config.model import MQTTConfig, Secret
from pywats_mqtt.errors import Reject
from pywats_mqtt.ports import Link, Publication
from pywats_mqtt.transport.session import MqttSession
from tests.contract.brokers.bed import Client, alive, quick
from tests.contract.brokers.mosquitto import HOST, INSTALL, Mosquitto, mosquitto
from tests.contract.brokers.relay import Relay
from tests.waiting import wait_until

__all__ = ["mosquitto"]


@asynccontextmanager
async def client(
    config: MQTTConfig, *filters: str, client_id: str = "s", connected: bool = True
) -> AsyncIterator[Client]:
    """Run a session; its network cannot be cut."""
    links: list[Link] = []
    session = MqttSession(config, client_id=client_id, filters=filters, on_link=links.append, clock=SystemClock())
    async with alive(Client(session, _nothing, links), connected=connected) as made:
        yield made


def _nothing() -> None:
    """Cut nothing."""


def at(broker: Mosquitto, /, **changes: str | bool | float) -> MQTTConfig:
    """Give a quick configuration for a broker."""
    return quick(**{"broker": HOST, "port": broker.port, **changes})


async def refusal(config: MQTTConfig) -> str:
    """Try to connect and give the reason why it does not work."""
    async with client(config, connected=False) as refused:
        await wait_until(lambda: refused.links, what="a first try")
        assert not refused.links[0].connected
        return refused.links[0].reason


class Certificates:
    """A certificate authority, and the files made with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, name: str) -> str:
        """Make a certificate with its key in one file."""
        path = str(self.folder / f"{name}.pem")
        self.ca.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def listener(self, name: str) -> list[str]:
        """Give the configuration lines of a listener that calls itself so."""
        path = self.issue(name)
        return [f"cafile {self.ca_file}", f"certfile {path}", f"keyfile {path}"]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """A certificate authority of this test."""
    return Certificates(tmp_path)


async def test_tls(tmp_path: Path, certificates: Certificates) -> None:
    """A certificate of our authority with the right name passes, and messages go both ways."""
    with Mosquitto(tmp_path / "m", listener=certificates.listener("localhost")) as broker:
        config = at(broker, use_tls=True, ca_cert=certificates.ca_file, broker="localhost")
        async with client(config, "t/#") as subscriber:
            await subscriber.publish("t/1", b"x" * 100_000)
            [message] = await subscriber.take(1)
    assert len(message.payload) == 100_000


async def test_tls_with_an_unknown_authority(tmp_path: Path, certificates: Certificates) -> None:
    """A certificate of another authority is refused, and the reason says where to look."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = Certificates(folder)
    with Mosquitto(tmp_path / "m", listener=certificates.listener("localhost")) as broker:
        reason = await refusal(at(broker, use_tls=True, ca_cert=other.ca_file, broker="localhost"))
    assert "certificate" in reason
    assert "mqtt.ca_cert" in reason


async def test_tls_with_another_host_name(tmp_path: Path, certificates: Certificates) -> None:
    """A certificate for another name is refused: the host name is checked."""
    with Mosquitto(tmp_path / "m", listener=certificates.listener("broker.example")) as broker:
        reason = await refusal(at(broker, use_tls=True, ca_cert=certificates.ca_file, broker="localhost"))
    assert "mismatch" in reason.lower()
    assert "mqtt.broker" in reason


async def test_tls_with_a_client_certificate(tmp_path: Path, certificates: Certificates) -> None:
    """Where the broker wants our certificate, we pass with it, and the reason says so without."""
    listener = [*certificates.listener("localhost"), "require_certificate true"]
    with Mosquitto(tmp_path / "m", listener=listener) as broker:
        config = at(broker, use_tls=True, ca_cert=certificates.ca_file, broker="localhost")
        own = certificates.issue("bridge")
        async with client(msgspec.structs.replace(config, client_cert=own)) as publisher:
            await publisher.publish("t/1", b"x")
        reason = await refusal(config)
    assert "mqtt.client_cert" in reason


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ca_cert": "/nowhere/ca.pem"}, "mqtt.ca_cert: /nowhere/ca.pem"),
        ({"client_cert": "/nowhere/own.pem"}, "mqtt.client_cert and client_key: /nowhere/own.pem"),
    ],
)
async def test_a_missing_certificate_file_is_named(mosquitto: Mosquitto, changes: dict[str, str], named: str) -> None:
    """The reason names the option and the file."""
    reason = await refusal(at(mosquitto, use_tls=True, **changes))
    assert reason == f"{named}: No such file or directory"


async def test_tls_towards_a_port_without(mosquitto: Mosquitto) -> None:
    """A port that speaks no TLS is said, not a traceback."""
    assert "mqtt.use_tls" in await refusal(at(mosquitto, use_tls=True))


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """A password file that knows the user `bridge` with the password `right`."""
    program = shutil.which("mosquitto_passwd")
    assert program is not None, INSTALL
    path = tmp_path / "passwords"
    subprocess.run([program, "-c", "-b", str(path), "bridge", "right"], check=True, capture_output=True)
    path.chmod(0o644)
    return path


async def test_bad_credentials_are_said_and_tried_again(
    tmp_path: Path, passwords: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says that name or password is wrong; once the password file is mended the session connects."""
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    caplog.set_level(logging.INFO)
    with Mosquitto(tmp_path / "m", anonymous=False, extra=[f"password_file {passwords}"]) as broker:
        config = at(broker, username="bridge", password_file=str(secret))
        async with client(config, connected=False) as subscriber:
            await wait_until(lambda: sum("not authorised" in line for line in broker.log) > 2, what="three tries")
            assert "mqtt.password" in subscriber.session.link.reason
            away = [r for r in caplog.records if r.levelno == logging.WARNING]
            secret.write_text("right\n")
            await subscriber.connected()
    assert len(away) == 1
    assert "wrong" not in caplog.text
    assert "right" not in caplog.text


async def test_a_password_in_the_configuration(tmp_path: Path, passwords: Path) -> None:
    """A password that the configuration holds is sent."""
    with Mosquitto(tmp_path / "m", anonymous=False, extra=[f"password_file {passwords}"]) as broker:
        config = msgspec.structs.replace(at(broker, username="bridge"), password=Secret("right"))
        async with client(config) as publisher:
            await publisher.publish("t/1", b"x")


async def test_a_missing_password_file_is_named(mosquitto: Mosquitto) -> None:
    """The reason names the option and the file."""
    reason = await refusal(at(mosquitto, username="u", password_file="/nowhere/secret"))
    assert reason == "mqtt.password_file: /nowhere/secret: No such file or directory"


async def test_a_publication_above_the_brokers_maximum_is_rejected(tmp_path: Path) -> None:
    """It is refused before it is sent, and the session lives on."""
    with Mosquitto(tmp_path / "m", extra=["max_packet_size 2000"]) as broker:
        async with client(at(broker)) as publisher:
            with pytest.raises(Reject, match="more than the broker takes \\(2000\\)"):
                await publisher.session.publish(Publication(topic="t/1", payload=b"x" * 2_000))
            await publisher.publish("t/1", b"x" * 1_900)
            assert len(publisher.links) == 1


async def test_a_message_above_our_maximum_is_kept_from_us(mosquitto: Mosquitto) -> None:
    """The broker drops what is larger than the maximum we named, and the rest arrives."""
    async with (
        client(at(mosquitto), client_id="p") as publisher,
        client(at(mosquitto, max_packet_bytes=1_024), "t/#") as subscriber,
    ):
        await publisher.publish("t/1", b"x" * 2_000)
        await publisher.publish("t/1", b"small")
        [message] = await subscriber.take(1)
    assert message.payload == b"small"


async def test_a_publication_that_is_not_allowed_is_rejected(tmp_path: Path) -> None:
    """PUBACK says that the topic is forbidden; the reason says so too."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite allowed/#\n")
    rules.chmod(0o644)
    with Mosquitto(tmp_path / "m", extra=[f"acl_file {rules}"]) as broker:
        async with client(at(broker)) as publisher:
            for qos in (1, 2):
                with pytest.raises(Reject, match="'forbidden/1': not authorized"):
                    await publisher.session.publish(Publication(topic="forbidden/1", payload=b"", qos=qos))
            await publisher.publish("allowed/1")


async def test_a_dead_network_is_noticed_and_an_idle_one_kept(mosquitto: Mosquitto) -> None:
    """Idle, we ping in time and stay; without an answer to a ping we give up and connect anew."""
    async with Relay(mosquitto.port) as relay:
        config = quick(broker=HOST, port=relay.port, keepalive=1)
        async with client(config, "t/#") as subscriber:
            await wait_until(lambda: relay.sent.count(b"\xc0\x00") >= 3, what="three pings")
            assert len(subscriber.links) == 1
            relay.freeze()
            await subscriber.away()
            assert "ping" in subscriber.session.link.reason
            relay.thaw()
            await subscriber.connected()
            assert subscriber.session.link.session_present


async def test_a_session_whose_reader_is_busy_is_kept(mosquitto: Mosquitto) -> None:
    """While we do not read, for longer than the keep alive allows, neither side gives the connection up."""
    payloads = [b"%d:" % number + b"x" * 4_000 for number in range(5_000)]
    async with Relay(mosquitto.port) as relay:
        config = quick(broker=HOST, port=relay.port, keepalive=1)
        async with client(config, "t/#") as subscriber, client(at(mosquitto), client_id="p") as publisher:
            async with asyncio.TaskGroup() as group:
                for payload in payloads:
                    group.create_task(publisher.publish("t/1", payload))
            before = relay.sent.count(b"\xc0\x00")
            await wait_until(lambda: relay.sent.count(b"\xc0\x00") >= before + 3, what="three pings while not reading")
            messages = await subscriber.take(len(payloads))
            assert len(subscriber.links) == 1
    assert [m.payload for m in messages] == payloads


async def test_one_line_when_it_goes_and_one_when_it_is_back(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it was tried in vain and why, the log has one line for its absence, and one for its return."""
    caplog.set_level(logging.INFO, logger="pywats_mqtt")
    async with client(at(mosquitto), "t/#") as subscriber:
        assert not caplog.records
        mosquitto.stop()
        await wait_until(lambda: len(subscriber.links) >= 3, what="two reasons")
        mosquitto.start()
        await subscriber.connected()
    levels = [(r.levelname, r.getMessage().split(":")[0].split(";")[0]) for r in caplog.records]
    assert levels == [("WARNING", "broker is away"), ("WARNING", "broker is back")]
    assert "stopped" in caplog.records[0].getMessage()


async def test_without_auto_reconnect_it_ends(mosquitto: Mosquitto) -> None:
    """The session tries once, and `run` returns when the connection is lost."""
    session = MqttSession(at(mosquitto, auto_reconnect=False), client_id="s", clock=SystemClock())
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(session.run())
        await wait_until(lambda: session.link.connected)
        mosquitto.stop()
    assert "stopped" in session.link.reason
    async with asyncio.timeout(20):
        await session.run()
    assert "nothing listens" in session.link.reason
