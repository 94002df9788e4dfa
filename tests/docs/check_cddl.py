"""Checks CBOR against CDDL with cddl-verifier (RFC 8610), which shares no code with this project.

Standard input: JSON {"schema": CDDL, "cases": [{"rule": NAME, "hex": DIGITS}, ...]}.
Standard output: JSON, a list with a text for each case: why it does not match, or null. Exit code 1, with the error
on standard error, when the schema is no CDDL.
"""

import json
import sys

from cddl_verifier import Validator

request = json.load(sys.stdin)
validator = Validator(request["schema"])


def problem(case):
    result = validator.validate(bytes.fromhex(case["hex"]), root_type=case["rule"])
    if result.valid:
        return None
    return "; ".join(diagnostic.message for diagnostic in result.diagnostics) or "does not match"


json.dump([problem(case) for case in request["cases"]], sys.stdout)
