/**
 * Private Ed25519 keys: made, and read and written as `openssl genpkey -algorithm ed25519` and
 * `openssl pkcs8 -topk8` write them: PKCS#8 PEM (RFC 8410 §7), encrypted with PBES2 (RFC 8018) when there is a
 * passphrase.
 *
 * A wrong passphrase and a damaged file give one error, without the platform's words: whoever guesses learns nothing.
 * The secret bytes stand in closures, where neither JSON nor a log that prints the record finds them.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign as platformSign } from "node:crypto";
import { Buffer } from "node:buffer";
import { asSignature, type PublicKey, type Signature } from "../brands.ts";
import { type Bytes, concat, fromHex } from "../bytes.ts";
import { assert, EXIT, VnfchainError } from "../errors.ts";
import { parsePublicKey } from "../keys.ts";
import { randomBytes } from "./crypto.ts";

/** A private key as what can be done with it. */
export interface PrivateKey {
  /** The key that others verify with; the holder's name everywhere. */
  readonly publicKey: PublicKey;
  /** Signs by Ed25519; the same message gives the same 64 bytes. */
  readonly sign: (message: Uint8Array) => Signature;
  /** The 32 secret bytes, for key agreement (Ed25519 to X25519) and for export; nothing else takes them. */
  readonly agreementSeed: () => Bytes;
}

/** PKCS#8 of an Ed25519 key, version 1, up to the seed's 32 bytes (RFC 8410 §7). */
const PKCS8_PREFIX = fromHex("302e020100300506032b657004220420") as Bytes;

/** Makes a new key. */
export function generatePrivateKey(): PrivateKey {
  return privateKeyFromSeed(randomBytes(32));
}

/** The key of a 32-byte seed (RFC 8032 §5.1.5); asserts the length. */
export function privateKeyFromSeed(seed: Uint8Array): PrivateKey {
  assert(seed.length === 32, `seed has ${seed.length} bytes, wanted 32`);
  const secret: Bytes = new Uint8Array(seed);
  const object = keyObject(secret);
  const publicKey = parsePublicKey(publicBytes(object));
  assert(publicKey !== undefined, "no seed gives a public key of small order");
  return {
    publicKey,
    sign: (message) => asSignature(new Uint8Array(platformSign(null, message, object))),
    agreementSeed: () => secret.slice(),
  };
}

/** PKCS#8 in DER, not encrypted: secret. */
export function privateKeyToPkcs8(key: PrivateKey): Bytes {
  return concat(PKCS8_PREFIX, key.agreementSeed());
}

/**
 * PKCS#8 PEM: secret. With a passphrase encrypted by PBES2 (PBKDF2 with HMAC-SHA-256, AES-256-CBC).
 *
 * @throws VnfchainError `key-passphrase` when the passphrase is empty; `key-encryption-missing` when the runtime
 *   cannot encrypt.
 */
export function privateKeyToPem(key: PrivateKey, options: { passphrase?: string } = {}): string {
  const object = keyObject(key.agreementSeed());
  const { passphrase } = options;
  if (passphrase === undefined) return String(object.export({ type: "pkcs8", format: "pem" }));
  refuseEmpty(passphrase);
  let pem = "";
  try {
    pem = String(object.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }));
  } catch {
    throw encryptionMissing();
  }
  // Deno 2.4 ignores the passphrase and writes the bare key: that must never reach a file.
  if (!pem.startsWith(ENCRYPTED_HEADER)) throw encryptionMissing();
  return pem;
}

/**
 * Reads PKCS#8 PEM. A passphrase given for a key that is not encrypted is ignored, as openssl does.
 *
 * @throws VnfchainError `key-unreadable` for a wrong passphrase and for damage alike; `key-passphrase` when the key
 *   is encrypted and no passphrase was given; `key-type` when it is another than an Ed25519 key.
 */
export function privateKeyFromPem(text: string, options: { passphrase?: string } = {}): PrivateKey {
  const object = readKeyObject(text, options.passphrase);
  const kind = object.asymmetricKeyType;
  if (kind !== "ed25519") {
    throw new VnfchainError(`reading a private key: it is of type ${kind ?? "unknown"}, wanted ed25519`, {
      code: "key-type",
      hint: "make one with `openssl genpkey -algorithm ed25519`",
      exitCode: EXIT.usage,
    });
  }
  const { d } = object.export({ format: "jwk" });
  assert(d !== undefined, "the platform exports an Ed25519 key without its seed");
  return privateKeyFromSeed(Buffer.from(d, "base64url"));
}

const ENCRYPTED_HEADER = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

function keyObject(seed: Bytes): KeyObject {
  return createPrivateKey({
    key: Buffer.from(concat(PKCS8_PREFIX, seed)),
    format: "der",
    type: "pkcs8",
  });
}

/** The public key's 32 bytes: the end of its SubjectPublicKeyInfo (RFC 8410 §4). */
function publicBytes(object: KeyObject): Bytes {
  return new Uint8Array(createPublicKey(object).export({ type: "spki", format: "der" }).subarray(-32));
}

function readKeyObject(text: string, passphrase: string | undefined): KeyObject {
  if (!text.includes(ENCRYPTED_HEADER)) return parsePem({ key: text, format: "pem" });
  if (passphrase === undefined) {
    throw new VnfchainError("reading a private key: it is encrypted and no passphrase was given", {
      code: "key-passphrase",
      hint: "name the file that holds the passphrase",
      exitCode: EXIT.usage,
    });
  }
  refuseEmpty(passphrase);
  return parsePem({ key: text, format: "pem", passphrase });
}

function parsePem(input: { key: string; format: "pem"; passphrase?: string }): KeyObject {
  try {
    return createPrivateKey(input);
  } catch {
    // No `cause`: the platform's words tell a wrong passphrase from damage.
    throw new VnfchainError("reading a private key: wrong passphrase, or no PKCS#8 PEM", {
      code: "key-unreadable",
      hint: "check the passphrase; if it is right, the file is damaged: restore it from a copy",
      exitCode: EXIT.usage,
    });
  }
}

function encryptionMissing(): VnfchainError {
  return new VnfchainError("encrypting a private key: this runtime cannot", {
    code: "key-encryption-missing",
    hint: "use Deno 2.9 or later, or encrypt the file afterwards with `openssl pkcs8 -topk8`",
    exitCode: EXIT.usage,
  });
}

function refuseEmpty(passphrase: string): void {
  if (passphrase !== "") return;
  throw new VnfchainError("encrypting or decrypting a private key: the passphrase is empty", {
    code: "key-passphrase",
    hint: "check the file that holds the passphrase",
    exitCode: EXIT.usage,
  });
}
