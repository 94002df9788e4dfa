"""Writes state_tree.json and state_values.json beside this file.

An implementation of docs/FORMATS.md "State" with hashlib alone, independent of core/state: the tree is computed
recursively over keys as strings of 256 binary digits, without pages. Run: python3 make_state_tree.py
"""

import hashlib
import json
import pathlib

ZERO = bytes(32)


def tagged(tag, *parts):
    return hashlib.sha256(tag.encode() + b"\0" + b"".join(parts)).digest()


def digits(key):
    return "".join(f"{byte:08b}" for byte in key)


def cbor(value):
    if value is None:
        return b"\xf6"
    if value is True:
        return b"\xf5"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    return head(4, len(value)) + b"".join(cbor(item) for item in value)


def head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for low, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | low]) + argument.to_bytes(width, "big")


def root(leaves, prefix=""):
    """leaves: {key: value}; those below the prefix make the subtree."""
    below = [key for key in leaves if digits(key).startswith(prefix)]
    if not below:
        return ZERO
    if len(below) == 1:
        return tagged("vnfchain/state-leaf/1", below[0], leaves[below[0]])
    return tagged("vnfchain/state-node/1", root(leaves, prefix + "0"), root(leaves, prefix + "1"))


def proof(leaves, keys, prefix=""):
    below = [key for key in leaves if digits(key).startswith(prefix)]
    if not any(digits(key).startswith(prefix) for key in keys):
        return [root(leaves, prefix)]
    if not below:
        return [None]
    if len(below) == 1:
        return [[below[0], leaves[below[0]]]]
    return [True] + proof(leaves, keys, prefix + "0") + proof(leaves, keys, prefix + "1")


def sample(name):
    return hashlib.sha256(name.encode()).digest()


def twin(key, shared):
    """A key that shares exactly this many bits with the other."""
    text = digits(key)
    flipped = text[:shared] + ("1" if text[shared] == "0" else "0") + text[shared + 1 :]
    return int(flipped, 2).to_bytes(32, "big")


def case(name, leaves, proofs):
    return {
        "name": name,
        "leaves": [[key.hex(), value.hex()] for key, value in leaves.items()],
        "root": root(leaves).hex(),
        "proofs": [
            {"keys": [key.hex() for key in keys], "encoded": cbor([1, proof(leaves, keys)]).hex()} for keys in proofs
        ],
    }


def tree_vectors():
    a, b, c, absent = (sample(name) for name in ("a", "b", "c", "absent"))
    cases = [
        case("empty", {}, [[], [a], [a, b]]),
        case("one leaf", {a: b"one"}, [[], [a], [b], [a, b]]),
        case("one leaf, empty value", {a: b""}, [[a]]),
        case("one leaf, value of 1024 bytes", {a: b"v" * 1024}, [[a]]),
        case("first and last key", {ZERO: b"first", b"\xff" * 32: b"last"}, [[ZERO], [b"\xff" * 32], [a]]),
        case("three leaves", {a: b"1", b: b"2", c: b"3"}, [[a], [a, c], [absent], [absent, a, b, c]]),
    ]
    for shared in (0, 1, 15, 16, 17, 200, 255):
        other = twin(a, shared)
        missing = twin(a, max(shared - 1, 0))
        leaves = {a: b"here", other: b"there"}
        cases.append(case(f"two leaves sharing {shared} bits", leaves, [[a], [other], [a, other], [missing, b]]))
    chain = {twin(a, shared): bytes([shared]) for shared in (3, 14, 15, 16, 17, 100, 254, 255)}
    cases.append(case("many leaves along one path", chain, [[a], [twin(a, 16)], [twin(a, 15), twin(a, 255), b]]))
    many = {sample(f"key {i}"): f"value {i}".encode() for i in range(64)}
    cases.append(case("64 leaves", many, [[], [sample("key 0")], [sample(f"key {i}") for i in range(60, 68)]]))
    return {"description": "State tree: roots, and proofs in CBOR for the keys given", "cases": cases}


def value_vectors():
    # Public keys of RFC 8032 §7.1, tests 1 and 2.
    sender = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    recipient = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    cid = sample("cid")
    feed, feed_steps = ZERO, []
    places = [(1, 0), (1, 7), (300, 2), (2**32 + 5, 2**32 - 1), (2**53 - 1, 0)]
    for count, (height, index) in enumerate(places, 1):
        tx = sample(f"feed transaction {count}")
        feed = tagged("vnfchain/feed/1", feed, height.to_bytes(8, "big"), index.to_bytes(4, "big"), tx)
        value = cbor([1, count, feed, height])
        feed_steps.append({"height": height, "index": index, "txId": tx.hex(), "encoded": value.hex()})
    versions, version_steps = ZERO, []
    for vid, (height, index) in enumerate(places, 1):
        tx = sample(f"version {vid}")
        place = height.to_bytes(8, "big") + index.to_bytes(4, "big")
        versions = tagged("vnfchain/versions/1", versions, vid.to_bytes(8, "big"), place, tx)
        value = cbor([1, vid, versions, height])
        version_steps.append({"vid": vid, "height": height, "index": index, "txId": tx.hex(), "encoded": value.hex()})
    return {
        "description": "State keys, and state values in CBOR after each step",
        "sender": sender.hex(),
        "recipient": recipient.hex(),
        "feedId": tagged("vnfchain/feed-id/1", sender, recipient).hex(),
        "templateFeedId": tagged("vnfchain/feed-id/1", sender, ZERO).hex(),
        "cid": cid.hex(),
        "configurationId": tagged("vnfchain/configuration-id/1", cid).hex(),
        "feed": feed_steps,
        "versions": version_steps,
    }


folder = pathlib.Path(__file__).parent
for name, vectors in (("state_tree", tree_vectors()), ("state_values", value_vectors())):
    (folder / f"{name}.json").write_text(json.dumps(vectors, indent=1) + "\n")
