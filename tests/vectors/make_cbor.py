"""Writes cbor.json beside this file: CBOR vectors made by an implementation that is not ours.

    pip install cbor2==6.3.0 && python3 tests/vectors/make_cbor.py

`accept`: what cbor2 writes with canonical=True, and the value; `refuse`: bytes outside the subset, and why. Values stand
in JSON, with {"bytes": hex} for byte strings and {"map": [[key, value], ...]} for maps.
"""

import importlib.metadata
import json
import pathlib
import random

import cbor2

chance = random.Random(8949)

INTEGERS = [0, 1, 23, 24, 25, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**32 + 1, 2**53 - 1]
LENGTHS = [0, 1, 23, 24, 25, 255, 256, 300]
ALPHABETS = ["a", "\u00e9", "\u20ac", "\U0001f600", "a\u00e9\u20ac\U0001f600\ufeff\u0000"]


def text(length, alphabet):
    return "".join(chance.choice(alphabet) for _ in range(length))


def tree(depth):
    """A random value of the subset."""
    kind = chance.randrange(7 if depth > 0 else 5)
    if kind == 0:
        return chance.getrandbits(chance.randrange(1, 54))
    if kind == 1:
        return chance.randbytes(chance.randrange(40))
    if kind == 2:
        return text(chance.randrange(40), ALPHABETS[4])
    if kind == 3:
        return chance.choice([True, False])
    if kind == 4:
        return None
    if kind == 5:
        return [tree(depth - 1) for _ in range(chance.randrange(5))]
    return {text(chance.randrange(30), ALPHABETS[4]): tree(depth - 1) for _ in range(chance.randrange(5))}


def as_json(value):
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {"map": [[key, as_json(item)] for key, item in value.items()]}
    return value


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


VALUES = [
    *INTEGERS,
    True,
    False,
    None,
    *[bytes(length) for length in LENGTHS],
    *[text(length, alphabet) for alphabet in ALPHABETS for length in LENGTHS],
    "\ufeff" + "a" * 100,
    *[list(range(length)) for length in LENGTHS],
    *[{f"{i}": i for i in range(length)} for length in LENGTHS],
    {"b": 1, "aa": 2, "a": 3, "": 4, "\u00e9": 5, "a" * 24: 6, "Z": 7},
    {"__proto__": 1, "constructor": {"prototype": 2}},
    nested(16),
    *[tree(4) for _ in range(60)],
]

REFUSED = [
    # Written by cbor2, with canonical=True where it has a form: correct CBOR outside the subset
    *[(value, "negative integer") for value in [-1, -24, -25, -256, -(2**32), -(2**64)]],
    *[(value, "integer above 2^53-1") for value in [2**53, 2**53 + 1, 2**63, 2**64 - 1]],
    *[(value, "float") for value in [0.0, -0.0, 1.0, 1.5, 1.1, 1e300, float("nan"), float("inf"), float("-inf")]],
    *[(value, "big number") for value in [2**64, 2**200]],
    (cbor2.undefined, "undefined"),
    *[(cbor2.CBORSimpleValue(value), "simple value") for value in [0, 16, 19, 32, 255]],
    *[(cbor2.CBORTag(tag, 0), "tag") for tag in [0, 1, 2, 18, 24, 55799]],
    *[({key: 0}, "map key that is no text") for key in [0, True, None, b"a", -1, (1,)]],
    (nested(17), "depth"),
    ([1, [2, {"a": [1.5]}]], "float inside"),
    ([b"x", cbor2.CBORTag(1, 1)], "tag inside"),
]

UNSORTED = [{"b": 1, "a": 2}, {"aa": 1, "b": 2}, {"a": 1, "": 2}, {"x": {"b": 1, "a": 2}}]

# Written by hand: not deterministic, or no CBOR at all
RAW = [
    *[(raw, "integer not in its shortest form") for raw in ["1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff"]],
    *[(raw, "length not in its shortest form") for raw in ["5800", "5900006161", "780161", "9800", "980100", "b800", "9900010a"]],
    *[(raw, "indefinite length") for raw in ["5fff", "7fff", "9fff", "bfff", "5f4101ff", "7f6161ff", "9f00ff", "bf616100ff", "ff"]],
    *[(raw, "reserved length") for raw in ["1c", "1d", "1e", "1f", "3c", "5c", "7d", "9e", "bc", "dc", "fc", "fd", "fe"]],
    *[(raw, "length beyond the bytes") for raw in ["41", "61", "58ff00", "5b0000001000000000", "7b0000001000000000", "5b001fffffffffffff", "5bffffffffffffffff"]],
    *[(raw, "more elements than bytes") for raw in ["81", "a1", "a16161", "9b00000000ffffffff", "9b0000000100000000", "bb0000000100000000", "9bffffffffffffffff", "9a0000000500000000"]],
    *[(raw, "ends in the middle") for raw in ["", "18", "19", "1900", "1a000000", "1b00000000000000", "58", "78", "98", "b8", "6261"]],
    *[(raw, "invalid UTF-8") for raw in ["61ff", "6180", "62c080", "63eda080", "63edb080", "64f4908080", "61c3", "63e282ff", "64f0808080", "a161ff00"]],
    *[(raw, "repeated key") for raw in ["a2616100616100", "a2616100616101", "a26000" + "6001"]],
    *[(raw, "simple value") for raw in ["f7", "f0", "e0", "f3", "f800", "f818", "f8ff", "f814", "f816"]],
    *[(raw, "float") for raw in ["f90000", "f97e00", "f97e01", "fa7fc00000", "fb7ff8000000000000", "fb4340000000000000", "fa4f800000"]],
]


def main():
    encoded = [(cbor2.dumps(value, canonical=True), value) for value in VALUES]
    refuse = [(cbor2.dumps(value, canonical=True).hex(), why) for value, why in REFUSED]
    refuse += [(cbor2.dumps(value).hex(), "keys not in order") for value in UNSORTED]
    refuse += RAW
    refuse += [((raw + b"\0").hex(), "trailing byte") for raw, _ in encoded[::7]]
    refuse += [(raw[:-1].hex(), "last byte missing") for raw, _ in encoded[::7]]
    version = importlib.metadata.version("cbor2")
    vectors = {
        "made": f"cbor2 {version}, by make_cbor.py",
        "accept": [{"hex": raw.hex(), "value": as_json(value)} for raw, value in encoded],
        "refuse": [{"hex": raw, "why": why} for raw, why in refuse],
    }
    path = pathlib.Path(__file__).with_name("cbor.json")
    rows = {key: ",\n".join(json.dumps(row) for row in vectors[key]) for key in ["accept", "refuse"]}
    path.write_text(
        f'{{"made": {json.dumps(vectors["made"])},\n"accept": [\n{rows["accept"]}\n],\n"refuse": [\n{rows["refuse"]}\n]}}\n'
    )


main()
