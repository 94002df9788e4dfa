"""Writes envelope.json: encryption envelopes and whole configurations, computed without any code of vnfchain.

HPKE by pyhpke, AES-GCM and X25519 by cryptography, CBOR by cbor2, zstd by zstandard, gzip by Python itself; the
conversion of Ed25519 keys to X25519 is written out below. All keys are made from counters: none is a secret.

    pip install pyhpke cryptography cbor2 zstandard
    python3 make_envelope.py > envelope.json
"""

import gzip
import hashlib
import json

import cbor2
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
P = 2**255 - 19


def raw(public_key):
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def tagged_hash(tag, data):
    return hashlib.sha256(tag.encode() + b"\0" + data).digest()


def fixed(label, length=32):
    """Reproducible bytes that look random."""
    return hashlib.shake_256(label.encode()).digest(length)


def ed25519_public(seed):
    return raw(Ed25519PrivateKey.from_private_bytes(seed).public_key())


def x25519_public(ed25519):
    """u = (1 + y) / (1 - y), RFC 7748 section 4.1."""
    y = int.from_bytes(ed25519, "little") & (2**255 - 1)
    return ((1 + y) * pow(1 - y, P - 2, P) % P).to_bytes(32, "little")


def x25519_secret(seed):
    """The scalar of RFC 8032 section 5.1.5; X25519 clamps it."""
    return hashlib.sha512(seed).digest()[:32]


def padded(content):
    length = len(content) + 1
    if length <= 512:
        bucket = 512
    else:
        exponent = length.bit_length() - 1
        low_bits = exponent - exponent.bit_length()
        bucket = -(-length >> low_bits) << low_bits
    return content + b"\x80" + bytes(bucket - length)


def seal(name, plaintext, seeds):
    content_key = fixed(name + " content key")
    context = fixed(name + " context", 100)
    data = b"vnfchain/envelope/1\0" + context
    ephemeral = [fixed(f"{name} ephemeral {i}") for i in range(len(seeds))]
    wraps = []
    for seed, ikm in zip(seeds, ephemeral):
        public = x25519_public(ed25519_public(seed))
        secret = x25519_secret(seed)
        assert raw(X25519PrivateKey.from_private_bytes(secret).public_key()) == public
        reader = KEMKey.from_pyca_cryptography_key(
            X25519PrivateKey.from_private_bytes(secret).public_key()
        )
        enc, sender = SUITE.create_sender_context(reader, info=data, eks=SUITE.kem.derive_key_pair(ikm))
        wraps.append([enc, sender.seal(content_key)])
    key = tagged_hash("vnfchain/content-encryption/1", content_key)
    envelope = [
        1,
        tagged_hash("vnfchain/content-commitment/1", content_key),
        wraps,
        AESGCM(key).encrypt(bytes(12), plaintext, data),
    ]
    return {
        "name": name,
        "seeds": [seed.hex() for seed in seeds],
        "publicKeys": [ed25519_public(seed).hex() for seed in seeds],
        "contentKey": content_key.hex(),
        "ephemeral": [ikm.hex() for ikm in ephemeral],
        "context": context.hex(),
        "plaintext": plaintext.hex(),
        "envelope": cbor2.dumps(envelope, canonical=True).hex(),
    }


def configuration(name, text, compression, seeds):
    compressed = [
        lambda data: data,
        lambda data: gzip.compress(data, mtime=0),
        lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    ][compression](text)
    content = {
        "type": "file",
        "length": len(text),
        "sha256": hashlib.sha256(text).digest(),
        "bytes": compressed,
        "name": "nftables.conf",
        "change": "CHG-1",
    }
    plaintext = cbor2.dumps(content, canonical=True)
    vector = seal(name, padded(plaintext), seeds)
    return vector | {"compression": compression, "content": plaintext.hex(), "bytes": text.hex()}


ALICE, BOB, CAROL = (fixed(f"seed {who}") for who in ("alice", "bob", "carol"))
RULES = b"table inet filter {\n" + b"\tip saddr 192.0.2.1 drop\n" * 40 + b"}\n"

print(
    json.dumps(
        {
            "envelopes": [
                seal("one reader", padded(b"one"), [ALICE]),
                seal("three readers", padded(bytes(1000)), [ALICE, BOB, CAROL]),
            ],
            "configurations": [
                configuration("stored", RULES, 0, [ALICE, BOB]),
                configuration("gzip", RULES, 1, [ALICE, BOB]),
                configuration("zstd", RULES, 2, [ALICE, BOB]),
                configuration("empty", b"", 2, [ALICE, BOB]),
            ],
        },
        indent=2,
    )
)
