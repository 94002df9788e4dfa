/** The chain's side of a schedule: who signs, what transactions are, what a block leads to. Simulated, or real. */
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { DecidedBlock, Rules } from "./ledger.ts";
import { QUICK_SIGNERS, type Signers } from "./quick_crypto.ts";
import { makeSimpleRules } from "./simple_rules.ts";
import { type Clients, makeClients, OPAQUE } from "./transactions.ts";
import type { Protocol } from "./types.ts";

/** One side. */
export interface Side {
  readonly signers: Signers;
  /** The state rules; `openTransition` is of the code under test. */
  readonly makeRules: (
    options: Pick<Protocol, "openTransition"> & {
      readonly federation: Federation;
      readonly crypto: CryptoPort;
    },
  ) => Rules;
  readonly makeClients: (
    options: { readonly federation: Federation; readonly wallMs: () => number },
  ) => Clients;
  /** Replays a chain with the code of `audit`; says what is wrong with it. */
  readonly audit: ((federation: Federation, blocks: readonly DecidedBlock[]) => string | null) | null;
}

/** Fast hashes and signatures, opaque transactions. */
export const SIMULATED: Side = {
  signers: QUICK_SIGNERS,
  makeRules: ({ federation: { genesisId }, ...code }) => makeSimpleRules({ genesisId, ...code }),
  makeClients: ({ federation: { genesisId, document }, wallMs }) => {
    const { maxTransactionBytes } = document.parameters;
    return makeClients({ genesisId, wallMs, maxTransactionBytes, bodies: OPAQUE });
  },
  audit: null,
};
