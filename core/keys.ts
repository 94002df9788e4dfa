/**
 * Public keys: what is refused when one is parsed, and how one is written as text.
 *
 * The platform's verifier accepts points of small order, under which one signature fits many messages; so such keys
 * are refused here, once, and no later code sees one. Text form: bech32 (BIP 173 checksum) with the prefix `vc`,
 * which gives `vc1…`, one prefix for every role, so that a key says nothing of who holds it.
 *
 * @module
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { bech32 } from "@scure/base";
import type { PublicKey } from "./brands.ts";
import { toHex } from "./bytes.ts";

const PREFIX = "vc";

/** Memory of keys found good: the same keys sign most of what arrives, and poll again and again. */
const known = new Set<string>();
const KNOWN_MAX = 65_536;

/** Checks 32 bytes: canonical encoding (y < p), on the curve, in no small subgroup. `undefined` otherwise. */
export function parsePublicKey(bytes: Uint8Array): PublicKey | undefined {
  if (bytes.length !== 32) return undefined;
  const name = toHex(bytes);
  if (known.has(name)) return bytes as PublicKey;
  try {
    // zip215 = false: RFC 8032 decoding, which refuses non-canonical y.
    if (ed25519.Point.fromBytes(bytes, false).isSmallOrder()) return undefined;
  } catch {
    return undefined;
  }
  // The oldest goes: what a stranger with many keys displaces costs one check when it is next met.
  if (known.size >= KNOWN_MAX) known.delete(known.values().next().value as string);
  known.add(name);
  return bytes as PublicKey;
}

/** `vc1…`: 61 characters. */
export function publicKeyToText(key: PublicKey): string {
  return bech32.encode(PREFIX, bech32.toWords(key));
}

/** Reads `vc1…`; `undefined` when prefix, checksum or key are wrong. */
export function publicKeyFromText(text: string): PublicKey | undefined {
  try {
    const { prefix, words } = bech32.decode(text as `${string}1${string}`, 90);
    return prefix === PREFIX ? parsePublicKey(bech32.fromWords(words)) : undefined;
  } catch {
    return undefined;
  }
}
