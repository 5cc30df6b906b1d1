"""The key that the hosts of a machine share, and what TLS makes of it.

Both sides of a connection show the same certificate, signed by itself, whose private key is derived from the shared
key, and trust no other. So a handshake proves to each side that the other has the key, and nobody else learns anything.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from popcc.errors import PopccError

_BYTES = 32
_FILE_MOST = 1024
_PURPOSE = b"popcorn: hosts of a machine, 1"
_NAME = "popcorn machine"


@dataclass(frozen=True)
class Contexts:
    """For the side that listens and the side that dials, and the certificate that both have."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    certificate: bytes  # DER


def make_key(path: Path) -> None:
    """A new key in a new file that only its owner can read. Raises `PopccError`."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise PopccError(f"'{path}' is there already; remove it, or give another name") from None
    except OSError as e:
        raise PopccError(f"cannot write '{path}': {e.strerror}") from None
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
    except OSError as e:
        path.unlink(missing_ok=True)
        raise PopccError(f"cannot write '{path}': {e.strerror}") from None


def read_key(path: Path) -> bytes:
    """Raises `PopccError` when it is no key, or others may have read it."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise PopccError(f"'{path}' is not a file")
            if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
                raise PopccError(f"others can read or write the key '{path}': chmod 600 it, or make another one")
            text = file.read(_FILE_MOST)
    except OSError as e:
        raise PopccError(f"cannot read the key '{path}': {e.strerror}") from None
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _BYTES:
        raise PopccError(f"'{path}' is not a key; make one: popcorn machine key FILE")
    return key


def contexts(key: bytes) -> Contexts:
    """What connections of hosts with this key are made with."""
    private = Ed25519PrivateKey.from_private_bytes(
        HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(key)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (  # the same bytes on all hosts, whatever their clocks say
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(datetime(1970, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, None)
    )
    public = certificate.public_bytes(Encoding.PEM)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server = _context(ssl.PROTOCOL_TLS_SERVER, public, secret)
    server.num_tickets = 0  # each connection proves the key anew
    client = _context(ssl.PROTOCOL_TLS_CLIENT, public, secret)
    return Contexts(server, client, certificate.public_bytes(Encoding.DER))


def _context(purpose: int, public: bytes, secret: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(purpose)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a host is known by its key, wherever it is
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=public.decode())
    fd = os.memfd_create("key", os.MFD_CLOEXEC)  # OpenSSL reads it from a file; it touches no disk
    try:
        os.write(fd, secret + public)
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    return context
