"""Writes transactions.json beside this file: transactions and rejects, independent of core/.

Signatures and COSE structures by pycose, payloads by cbor2, keys by cryptography, all from PyPI.
Run: python3 make_transactions.py
"""

import hashlib
import json
import pathlib

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pycose.algorithms import EdDSA
from pycose.headers import Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message

GENESIS = hashlib.sha256(b"genesis of the vectors").digest()
OTHER_GENESIS = hashlib.sha256(b"another chain").digest()
NOW = 1_800_000_000_000


def seed(name):
    return hashlib.sha256(name.encode()).digest()


def public(name):
    key = Ed25519PrivateKey.from_private_bytes(seed(name)).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def cid(owner, random):
    tag = b"vnfchain/cid-owner/1\x00"
    return hashlib.sha256(tag + public(owner)).digest()[:16] + random


def sign(payload, sender, genesis=GENESIS, encode=None):
    body = (encode or cbor2.dumps)(payload) if not isinstance(payload, bytes) else payload
    message = Sign1Message(phdr={Algorithm: EdDSA}, uhdr={}, payload=body)
    message.external_aad = genesis
    message.key = OKPKey(crv=Ed25519, d=seed(sender), x=public(sender))
    encoded = message.encode(tag=False)
    structure = cbor2.dumps(["Signature1", bytes.fromhex("a10127"), genesis, body])
    return encoded, hashlib.sha256(structure).digest()


def fields(**changes):
    base = dict(
        version=1, type=1, cid=cid("tenant", bytes(range(16))), vid=1, compression=0, encryption=0,
        description="edge firewall", sender=public("tenant"), recipient=public("vnf"), timestamp=NOW,
        nonce=bytes(range(16, 32)), body=[[], [], None, b"configuration"],
    )
    base.update(changes)
    return base


def payload(**changes):
    return list(fields(**changes).values())


TEMPLATE = cid("vendor", bytes(16))
REQUEST_ID = hashlib.sha256(b"a request").digest()

accepted = {
    "configuration": (payload(), "tenant"),
    "encrypted configuration, second version": (payload(vid=2, encryption=1, compression=2), "tenant"),
    "template": (payload(cid=TEMPLATE, sender=public("vendor"), recipient=None), "vendor"),
    "references": (payload(body=[[[TEMPLATE, None]], [[cid("other", bytes(16)), 7]], None, b""]), "tenant"),
    "answer": (
        payload(cid=cid("vnf", bytes(16)), sender=public("vnf"), recipient=public("tenant"),
                body=[[], [], REQUEST_ID, b"state"]),
        "vnf",
    ),
    "request": (payload(type=2, cid=cid("vnf", b"r" * 16), encryption=1, body=[public("tenant")]), "tenant"),
    "description of 256 bytes, high VID, late timestamp": (
        payload(description="é" * 128, vid=2**53 - 1, timestamp=2**52), "tenant"),
}

IDENTITY = b"\x01" + bytes(31)
NOT_CANONICAL = b"\xee" + b"\xff" * 30 + b"\x7f"

rejected = {
    "unknown type": (payload(type=9), "tenant", "transaction-format"),
    "version 2": (payload(version=2), "tenant", "transaction-format"),
    "one field more": (payload() + [0], "tenant", "transaction-format"),
    "one field less": (payload()[:-1], "tenant", "transaction-format"),
    "CID of 31 bytes": (payload(cid=bytes(31)), "tenant", "transaction-format"),
    "nonce of 15 bytes": (payload(nonce=bytes(15)), "tenant", "transaction-format"),
    "unknown compression": (payload(compression=3), "tenant", "transaction-format"),
    "unknown encryption": (payload(encryption=2), "tenant", "transaction-format"),
    "description of 257 bytes": (payload(description="x" * 257), "tenant", "transaction-format"),
    "description in bytes": (payload(description=b"x"), "tenant", "transaction-format"),
    "recipient of small order": (payload(recipient=IDENTITY), "tenant", "transaction-format"),
    "recipient not canonical": (payload(recipient=NOT_CANONICAL), "tenant", "transaction-format"),
    "body of a request in a configuration": (payload(body=[public("tenant")]), "tenant", "transaction-format"),
    "body of a configuration in a request": (payload(type=2), "tenant", "transaction-format"),
    "65 references": (
        payload(body=[[[bytes([i]) * 32, None] for i in range(65)], [], None, b""]), "tenant", "transaction-format"),
    "VID 0": (payload(vid=0), "tenant", "transaction-fields"),
    "foreign CID": (payload(cid=cid("other", bytes(16))), "tenant", "cid-owner"),
    "request with the tenant's own CID": (payload(type=2, body=[public("tenant")]), "tenant", "cid-owner"),
    "request to nobody": (
        payload(type=2, recipient=None, body=[public("tenant")]), "tenant", "transaction-fields"),
    "request with VID 2": (
        payload(type=2, vid=2, cid=cid("vnf", bytes(16)), body=[public("tenant")]), "tenant", "transaction-fields"),
    "encrypted template": (payload(recipient=None, encryption=1), "tenant", "transaction-fields"),
    "answer to nobody": (payload(recipient=None, body=[[], [], REQUEST_ID, b""]), "tenant", "transaction-fields"),
    "answer with VID 2": (payload(vid=2, body=[[], [], REQUEST_ID, b""]), "tenant", "transaction-fields"),
    "reference to itself": (
        payload(body=[[[cid("tenant", bytes(range(16))), 1]], [], None, b""]), "tenant", "reference-self"),
    "reference twice": (
        payload(body=[[[TEMPLATE, None]], [[TEMPLATE, 1]], None, b""]), "tenant", "reference-repeated"),
    "reference to VID 0": (payload(body=[[[TEMPLATE, 0]], [], None, b""]), "tenant", "transaction-fields"),
    "signed by somebody else": (payload(), "other", "transaction-signature"),
}


def raw_rejects():
    good, _ = sign(payload(), "tenant")
    array = cbor2.loads(good)
    other_chain, _ = sign(payload(), "tenant", genesis=OTHER_GENESIS)
    yield "another chain's transaction", other_chain, "transaction-signature"
    flipped = bytes(array[3][:-1]) + bytes([array[3][-1] ^ 1])
    yield "signature flipped", cbor2.dumps(array[:3] + [flipped]), "transaction-signature"
    yield "signature of 63 bytes", cbor2.dumps(array[:3] + [array[3][:63]]), "transaction-format"
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(array[3][32:], "little") + order
    malleable = bytes(array[3][:32]) + s.to_bytes(32, "little")
    yield "S not below the group order", cbor2.dumps(array[:3] + [malleable]), "transaction-signature"
    yield "algorithm ES256", cbor2.dumps([bytes.fromhex("a10126")] + array[1:]), "transaction-format"
    yield "unprotected header not empty", cbor2.dumps([array[0], {4: b"x"}] + array[2:]), "cbor"
    yield "unprotected header an array", cbor2.dumps([array[0], []] + array[2:]), "transaction-format"
    yield "payload missing", cbor2.dumps([array[0], {}, None, array[3]]), "transaction-format"
    yield "COSE tag 18", b"\xd2" + good, "cbor"
    yield "trailing byte", good + b"\x00", "cbor"
    yield "cut", good[:-1], "cbor"
    yield "empty", b"", "cbor"
    indefinite = b"\x9f" + good[1:] + b"\xff"
    yield "indefinite array", indefinite, "cbor"
    long_vid = cbor2.dumps(payload())
    long_vid = long_vid.replace(b"\x01\x00\x00\x6dedge", b"\x18\x01\x00\x00\x6dedge", 1)
    assert long_vid != cbor2.dumps(payload())
    yield "VID not in its shortest form", sign(long_vid, "tenant")[0], "cbor"


out = {
    "genesisId": GENESIS.hex(),
    "keys": {name: {"seed": seed(name).hex(), "public": public(name).hex()}
             for name in ("tenant", "vnf", "vendor", "other")},
    "accepted": [],
    "rejected": [],
}
for name, (items, sender) in accepted.items():
    encoded, identifier = sign(items, sender)
    out["accepted"].append({"name": name, "sender": sender, "cose": encoded.hex(), "id": identifier.hex()})
for name, (items, sender, code) in rejected.items():
    encoded, _ = sign(items, sender)
    out["rejected"].append({"name": name, "cose": encoded.hex(), "code": code})
for name, encoded, code in raw_rejects():
    out["rejected"].append({"name": name, "cose": encoded.hex(), "code": code})
pathlib.Path(__file__).with_name("transactions.json").write_text(json.dumps(out, indent=1) + "\n")
