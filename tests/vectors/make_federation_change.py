"""Writes federation_change.json beside this file: changes of a federation, independent of core/.

Documents and messages by cbor2, transactions by pycose, keys by cryptography, all from PyPI.
Run: python3 make_federation_change.py
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

NOW = 1_800_000_000_000
BLOCK_TIME = NOW + 60_000
ZERO = bytes(32)
# Block 7, one second before the change.
BLOCKS = {7: (hashlib.sha256(b"block 7").digest(), BLOCK_TIME - 1_000)}


def seed(name):
    return hashlib.sha256(name.encode()).digest()


def key(name):
    return Ed25519PrivateKey.from_private_bytes(seed(name))


def public(name):
    return key(name).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def member(name):
    return [name, public(name), b"certificate of " + name.encode(), f"{name}.example:7000", f"https://{name}.example"]


def parameters(lifetime=3_600_000, transaction_bytes=2**21):
    return [lifetime, 15_000, 30_000, 2**22, transaction_bytes, 64, 1_000, 16_000, 2**34]


def document(names, genesis=ZERO, sequence=0, previous=ZERO, time=NOW, **changes):
    return [1, genesis, sequence, previous, time, "vectors", b"authority", [member(name) for name in names],
            parameters(**changes)]


def tagged(tag, data):
    return hashlib.sha256(tag.encode() + b"\x00" + data).digest()


def hash_of(doc):
    return tagged("vnfchain/federation/1", cbor2.dumps(doc))


FIRST = document("abcd")
GENESIS = hash_of(FIRST)


def following(names="abcde", **changes):
    return document(names, **{"genesis": GENESIS, "sequence": 1, "previous": GENESIS, "time": NOW + 1, **changes})


def approvals(doc, approvers="abc", genesis=GENESIS, tag="vnfchain/approve/1"):
    message = cbor2.dumps([tag, genesis, hash_of(doc)])
    return [["abcd".index(name), key(name).sign(message)] for name in approvers]


def joining(doc, name, height=7, block_hash=None):
    named = block_hash or BLOCKS[7][0]
    message = cbor2.dumps(["vnfchain/join/1", GENESIS, hash_of(doc), height, named])
    index = [each[0] for each in doc[7]].index(name)
    return [index, height, named, key(name).sign(message)]


def body(doc=None, approved=None, joined=None):
    doc = doc or following()
    news = [each[0] for each in doc[7] if each[0] not in "abcd"]
    return [doc, approvals(doc) if approved is None else approved,
            [joining(doc, name) for name in news] if joined is None else joined]


def transaction(content):
    payload = cbor2.dumps([1, 3, GENESIS, content[0][2], 0, 0, "", public("anybody"), None, BLOCK_TIME,
                           bytes(range(16)), content])
    message = Sign1Message(phdr={Algorithm: EdDSA}, uhdr={}, payload=payload)
    message.external_aad = GENESIS
    message.key = OKPKey(crv=Ed25519, d=seed("anybody"), x=public("anybody"))
    structure = cbor2.dumps(["Signature1", bytes.fromhex("a10127"), GENESIS, payload])
    return message.encode(tag=False).hex(), hashlib.sha256(structure).hexdigest()


accepted = {
    "a fifth member": body(),
    "approved by all": body(approved=approvals(following(), "abcd")),
    "two new members among the old": body(following("xabcdy")),
    "one left, nobody new": body(following("abd")),
    "everybody replaced": body(following("wxyz")),
    "another lifetime": body(following("abcd", lifetime=1_000)),
}

other = following("abcde", time=NOW + 2)
refused = {
    "q - 1 approvals": (body(approved=approvals(following(), "ab")), "federation-approvals"),
    "a member twice": (body(approved=approvals(following(), "abb")), "federation-approvals"),
    "approvals out of order": (body(approved=approvals(following(), "bac")), "federation-approvals"),
    "approvals of another document": (body(approved=approvals(other)), "federation-approvals"),
    "approvals for another chain": (body(approved=approvals(following(), genesis=ZERO)), "federation-approvals"),
    "approvals under the tag of a joining": (
        body(approved=approvals(following(), tag="vnfchain/join/1")), "federation-approvals"),
    "a newcomer that did not sign": (body(joined=[]), "federation-newcomer"),
    "a newcomer that signed another document": (body(joined=[joining(other, "e")]), "federation-newcomer"),
    "a newcomer that names no block": (body(joined=[joining(following(), "e", height=8)]), "federation-newcomer"),
    "a newcomer that names another block": (
        body(joined=[joining(following(), "e", block_hash=ZERO)]), "federation-newcomer"),
    "newcomers out of order": (
        body(following("abcdef"), joined=[joining(following("abcdef"), name) for name in "fe"]),
        "federation-newcomer"),
    "a document that follows another": (body(following(previous=ZERO[:31] + b"\x01")), "federation-order"),
    "a sequence left out": (body(following(sequence=2)), "federation-order"),
    "no later time": (body(following(time=NOW)), "federation-order"),
    "a time far ahead": (body(following(time=BLOCK_TIME + 300_001)), "federation-order"),
    "a longer lifetime": (body(following(lifetime=3_600_001)), "federation-format"),
    "no room for the next change": (body(following(transaction_bytes=1_500)), "federation-format"),
}


def case(name, content):
    cose, identifier = transaction(content)
    return {"name": name, "cose": cose, "id": identifier, "hash": hash_of(content[0]).hex()}


out = {
    "federation": cbor2.dumps(FIRST).hex(),
    "genesisId": GENESIS.hex(),
    "blockTime": BLOCK_TIME,
    "blocks": [{"height": height, "hash": block_hash.hex(), "time": time} for height, (block_hash, time) in BLOCKS.items()],
    "seeds": {name: seed(name).hex() for name in [*"abcdefwxyz", "anybody"]},
    "accepted": [case(name, content) for name, content in accepted.items()],
    "rejected": [{**case(name, content), "code": code} for name, (content, code) in refused.items()],
}
pathlib.Path(__file__).with_name("federation_change.json").write_text(json.dumps(out, indent=1) + "\n")
