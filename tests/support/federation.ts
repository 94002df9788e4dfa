/**
 * Federations for tests whose members' keys are known. Their certificates are empty: nothing that these tests
 * exercise looks at X.509.
 *
 * @module
 */
import { ZERO_HASH } from "../../core/brands.ts";
import { DEFAULT_PARAMETERS, type Federation, federationOf, type Parameters } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { testKey } from "./keys.ts";

/** The time of the first document, in milliseconds. */
export const GENESIS_MS = 1_800_000_000_000;

/** The key of the member at `index`. */
export function memberKey(index: number): PrivateKey {
  return testKey(`member ${index}`);
}

/** A federation of `n` members. */
export function testFederation(n: number, parameters: Partial<Parameters> = {}): Federation {
  return federationOf(platformCrypto.hash, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: GENESIS_MS,
    name: "test",
    authority: new Uint8Array(),
    members: Array.from({ length: n }, (_, index) => ({
      name: `member-${index}`,
      key: memberKey(index).publicKey,
      certificate: new Uint8Array(),
      peerAddress: `127.0.0.1:${7000 + index}`,
      apiUrl: `http://127.0.0.1:${8000 + index}`,
    })),
    parameters: { ...DEFAULT_PARAMETERS, ...parameters },
  });
}
