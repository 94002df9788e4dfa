/** The chain's side of a schedule: who signs, what transactions are, what a block leads to. Simulated, or real. */
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import { type DecidedBlock, makeSimpleRules, type Rules } from "./ledger.ts";
import { QUICK_SIGNERS, type Signers } from "./quick_crypto.ts";
import { type Clients, makeClients, OPAQUE } from "./transactions.ts";

/** One side. */
export interface Side {
  readonly signers: Signers;
  readonly makeRules: (options: { readonly federation: Federation; readonly crypto: CryptoPort }) => Rules;
  readonly makeClients: (
    options: { readonly federation: Federation; readonly wallMs: () => number },
  ) => Clients;
  /** Replays a chain with the code of `audit`; says what is wrong with it. */
  readonly audit: ((federation: Federation, blocks: readonly DecidedBlock[]) => string | null) | null;
}

/** Fast hashes and signatures, opaque transactions. */
export const SIMULATED: Side = {
  signers: QUICK_SIGNERS,
  makeRules: ({ federation: { genesisId }, crypto }) => makeSimpleRules({ genesisId, crypto }),
  makeClients: ({ federation, wallMs }) => {
    const { maxTransactionBytes } = federation.document.parameters;
    return makeClients({ wallMs, maxTransactionBytes, bodies: OPAQUE });
  },
  audit: null,
};
