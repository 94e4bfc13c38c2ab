"""The hub over real mutual TLS: a facility without its certificate is turned away."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio
from conftest import World
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from test_exchange import configured

from nphieslinc import hub
from nphieslinc.errors import HubUnreachable


@dataclass(frozen=True)
class Hub:
    url: str
    certificate: str
    key: str
    seen: list[bytes]


def make_certificate(folder: Path) -> tuple[str, str]:
    """One self-signed certificate serves both ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    certificate, private = folder / "facility.pem", folder / "facility.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(certificate), str(private)


@pytest_asyncio.fixture(loop_scope="session")
async def tls_hub(tmp_path: Path) -> AsyncIterator[Hub]:
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        seen.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nanswer")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Hub(f"https://127.0.0.1:{port}/$process-message", certificate, key, seen)


async def test_a_facility_shows_its_certificate(still_world: World, tls_hub: Hub) -> None:
    ctx = configured(
        still_world.ctx,
        hub=tls_hub.url,
        client_certificate=tls_hub.certificate,
        client_key=tls_hub.key,
        authorities=tls_hub.certificate,
    )
    assert await hub.send(ctx, b"message") == b"answer"
    assert tls_hub.seen == [b"message"]


async def test_a_facility_without_a_certificate_is_turned_away(still_world: World, tls_hub: Hub) -> None:
    ctx = configured(still_world.ctx, hub=tls_hub.url, attempts=1)
    with pytest.raises(HubUnreachable):
        await hub.send(ctx, b"message")
    assert tls_hub.seen == []
