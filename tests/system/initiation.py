# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's first handshake message, built by hand (J. Donenfeld, NDSS 2017, section 5.4.2), so that tests can knock as an
attacker does: with a forged name, a false timestamp, or nothing right at all."""
import hashlib
import hmac
import os
import struct
import time

from base64 import b64decode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"


def _hash(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def _kdf2(key, data):
    base = hmac.new(key, data, hashlib.blake2s).digest()
    first = hmac.new(base, b"\x01", hashlib.blake2s).digest()
    return first, hmac.new(base, first + b"\x02", hashlib.blake2s).digest()


def _seal(key, text, bound):
    return ChaCha20Poly1305(key).encrypt(bytes(12), text, bound)


def _raw(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def tai64n(when=None):
    when = time.time() if when is None else when
    return struct.pack("!QI", 0x400000000000000A + int(when), int(when % 1 * 1e9))


def initiation(server_public, private=None, claimed_public=None, timestamp=None):
    """148 bytes. `private`: the sender's key (base64), or None with `claimed_public`: the name of a device whose private key the
    sender does not have: everything that needs only the gateway's public key is right, the timestamp's proof is not."""
    server = b64decode(server_public)
    ephemeral = X25519PrivateKey.generate()
    chain = _hash(CONSTRUCTION)
    bound = _hash(_hash(chain, IDENTIFIER), server)
    e = _raw(ephemeral.public_key())
    chain = _kdf2(chain, e)[0]
    bound = _hash(bound, e)
    chain, key = _kdf2(chain, ephemeral.exchange(X25519PublicKey.from_public_bytes(server)))
    if private:
        own = X25519PrivateKey.from_private_bytes(b64decode(private))
        name, shared = _raw(own.public_key()), own.exchange(X25519PublicKey.from_public_bytes(server))
    else:
        name, shared = b64decode(claimed_public), os.urandom(32)
    static = _seal(key, name, bound)
    bound = _hash(bound, static)
    chain, key = _kdf2(chain, shared)
    stamp = _seal(key, timestamp or tai64n(), bound)
    message = struct.pack("<II", 1, struct.unpack("<I", os.urandom(4))[0]) + e + static + stamp
    mac1 = hashlib.blake2s(message, key=_hash(b"mac1----", server), digest_size=16).digest()
    return message + mac1 + bytes(16)
