"""What TLS makes of the key that the hosts of a machine share.

Both sides of a connection show the same certificate, signed by itself, whose private key is derived from the shared
key, and trust no other. So a handshake proves to each side that the other has the key, and nobody else learns anything.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

_PURPOSE = b"popcorn: hosts of a machine, 1"
_NAME = "popcorn machine"


class Contexts(Struct, frozen=True):
    """For the side that listens and the side that dials, and the certificate that both have."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    certificate: bytes  # DER


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
