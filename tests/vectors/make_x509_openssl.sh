#!/usr/bin/env bash
# Makes x509_openssl.json: authorities of several algorithms, each with a certificate for one Ed25519 key, by openssl.
# usage: make_x509_openssl.sh > x509_openssl.json      (openssl 3; every run makes new keys)
set -euo pipefail
cd "$(mktemp -d)"
openssl genpkey -algorithm ed25519 -out member.key
openssl req -new -key member.key -subj "/CN=node-1" -out member.csr

authority() { # NAME EXTENSIONS OPTIONS-OF-SIGNING -- OPTIONS-OF-KEY
  local name=$1 extensions=$2 signing=$3 options=()
  shift 3
  for extension in $extensions; do options+=(-addext "$extension"); done
  openssl genpkey "$@" -out "$name.key" 2>/dev/null
  # shellcheck disable=SC2086
  openssl req -x509 -new -key "$name.key" -subj "/O=Ünïon/CN=CA $name" -utf8 -days 36500 $signing "${options[@]}" -outform der -out "$name.ca"
}
member() { # NAME AUTHORITY EXTENSION OPTIONS-OF-SIGNING [REQUEST]
  printf '%b' "$3" > extensions
  # shellcheck disable=SC2086
  openssl x509 -req -in "${5:-member.csr}" -CA "$2.ca" -CAform der -CAkey "$2.key" -days 3650 $4 -extfile extensions -outform der -out "$1.member" 2>/dev/null
}
CA="basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign"
END="basicConstraints=CA:FALSE\n"

signed() { # NAME SIGNING KEY…: an authority and a member that holds in all but, perhaps, the algorithm
  local name=$1 signing=$2
  shift 2
  authority "$name" "$CA" "$signing" "$@"
  member "$name" "$name" "$END" "$signing"
}
signed ed25519 "" -algorithm ed25519
signed ecdsa-p256-sha256 -sha256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
signed ecdsa-p384-sha384 -sha384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
signed ecdsa-p521-sha512 -sha512 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
signed rsa-sha256 -sha256 -algorithm RSA
signed rsa-sha512 -sha512 -algorithm RSA
signed rsa-pss-sha256 "-sha256 -sigopt rsa_padding_mode:pss" -algorithm RSA
signed rsa-sha1 -sha1 -algorithm RSA
signed ecdsa-secp256k1 -sha256 -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
signed ed448 "" -algorithm ed448

authority no-ca "basicConstraints=critical,CA:FALSE" "" -algorithm ed25519
member no-ca no-ca "$END" ""
authority not-for-certificates "basicConstraints=critical,CA:TRUE keyUsage=critical,cRLSign" "" -algorithm ed25519
member not-for-certificates not-for-certificates "$END" ""
authority name-constraints "$CA nameConstraints=critical,permitted;DNS:example.org" "" -algorithm ed25519
member name-constraints name-constraints "$END" ""
member member-is-ca ed25519 "basicConstraints=critical,CA:TRUE\n" ""
member member-critical ed25519 "1.2.3.4=critical,ASN1:NULL\n" ""
member member-not-for-signing ed25519 "keyUsage=critical,keyAgreement\n" ""
member member-web-server ed25519 "${END}subjectAltName=critical,DNS:node-1.example\nextendedKeyUsage=critical,serverAuth\n" ""
openssl genpkey -algorithm RSA -out rsa-member.key 2>/dev/null
openssl req -new -key rsa-member.key -subj "/CN=node-1" -out rsa-member.csr
member member-rsa ed25519 "$END" "" rsa-member.csr

python3 - <<'PY'
import base64, glob, json, os, subprocess, time
read = lambda path: base64.b64encode(open(path, "rb").read()).decode()
spki = subprocess.run(["openssl", "pkey", "-in", "member.key", "-pubout", "-outform", "der"], capture_output=True, check=True).stdout
cases = []
for path in sorted(glob.glob("*.member")):
    name = path[: -len(".member")]
    authority = name if os.path.exists(name + ".ca") else "ed25519"
    cases.append({"name": name, "authority": read(authority + ".ca"), "certificate": read(path)})
print(json.dumps({"atMs": (int(time.time()) + 86400) * 1000, "memberKey": spki[-32:].hex(), "cases": cases}, indent=1))
PY
