/**
 * `vnfchain node testnet`: a whole federation on this machine, with a certificate authority made for it. For trying
 * out and for tests: whoever can read the directory has all keys.
 *
 * @module
 */
import { ZERO_HASH } from "../../core/brands.ts";
import { formatAddress } from "../../consensus/tcp/address.ts";
import { utf8 } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import {
  decodeFederation,
  DEFAULT_PARAMETERS,
  encodeFederation,
  type Federation,
  type Member,
  type Parameters,
} from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { LIMITS } from "../../core/limits.ts";
import { generatePrivateKey, type PrivateKey } from "../../core/platform/private_key.ts";
import { createAuthority, issueMember } from "../../core/platform/x509_issue.ts";
import { writeDurably } from "../common/durable_file.ts";
import { federationToJson } from "../common/federation_file.ts";
import { createKeyFile } from "../common/key_file.ts";
import { FEDERATION_FILE, KEY_FILE } from "./directory.ts";

/** What to make. */
export interface TestnetOptions {
  readonly nodes: number;
  readonly directory: string;
  /** PBFT on this port and the next ones, HTTP 1000 higher. */
  readonly basePort: number;
  /** IP address that all listen on. */
  readonly host: string;
  readonly parameters: Partial<Parameters>;
}

/** The authority's private key: who makes a testnet may add members to it. */
export const AUTHORITY_FILE = "authority.pem";

const HTTP_OFFSET = 1000;
const DAY_MS = 86_400_000;

/**
 * Makes DIR/federation.json, DIR/authority.pem, by which later members are certified, and DIR/node-1 … with their keys.
 *
 * @throws VnfchainError `testnet` before anything is written.
 */
export async function makeTestnet(options: TestnetOptions, nowMs: number): Promise<Federation> {
  const { directory } = options;
  refuseImpossible(options);
  const authorityKey = generatePrivateKey();
  const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + 3650 * DAY_MS };
  const authority = await createAuthority({
    name: "vnfchain testnet authority",
    key: authorityKey,
    ...validity,
  });
  const keys = Array.from({ length: options.nodes }, () => generatePrivateKey());
  const members: Member[] = [];
  for (const [i, { publicKey }] of keys.entries()) {
    const name = nameOf(i);
    const certificate = await issueMember({ authority, authorityKey, name, publicKey, ...validity });
    members.push({ name, key: publicKey, certificate, ...addressesOf(options, i) });
  }
  const encoded = encodeFederation({
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: nowMs,
    name: "testnet",
    authority,
    members,
    parameters: { ...DEFAULT_PARAMETERS, ...options.parameters },
  });
  // Through the codec: so that a parameter is held to the same bounds as in a document from the network.
  const decoded = decodeFederation(platformCrypto.hash, encoded);
  if (!decoded.ok) {
    throw usage(`make testnet: ${decoded.detail}`, "see --set in `vnfchain node testnet --help`");
  }
  const federation = decoded.value;
  await makeDirectory(directory);
  const text = utf8(federationToJson(federation));
  await writeDurably(`${directory}/${FEDERATION_FILE}`, text, { mode: 0o644 });
  await createKeyFile(`${directory}/${AUTHORITY_FILE}`, authorityKey);
  for (const [i, key] of keys.entries()) await makeNodeDirectory(`${directory}/${nameOf(i)}`, { key, text });
  return federation;
}

/** Before anything is written. */
function refuseImpossible({ nodes, basePort }: TestnetOptions): void {
  if (nodes > LIMITS.members) {
    throw usage(`make testnet: ${nodes} members, at most ${LIMITS.members}`, "make fewer with --nodes");
  }
  const lastPort = basePort + HTTP_OFFSET + nodes - 1;
  if (lastPort > 65535) {
    throw usage(`make testnet: the last port would be ${lastPort}`, "name a lower one with --base-port");
  }
}

function nameOf(index: number): string {
  return `node-${index + 1}`;
}

function addressesOf(
  { host, basePort }: TestnetOptions,
  index: number,
): Pick<Member, "peerAddress" | "apiUrl"> {
  const peer = { host, port: basePort + index };
  const api = { host, port: basePort + HTTP_OFFSET + index };
  return { peerAddress: formatAddress(peer), apiUrl: `http://${formatAddress(api)}` };
}

async function makeNodeDirectory(
  directory: string,
  { key, text }: { key: PrivateKey; text: Uint8Array },
): Promise<void> {
  await Deno.mkdir(directory, { mode: 0o700 });
  await createKeyFile(`${directory}/${KEY_FILE}`, key);
  await writeDurably(`${directory}/${FEDERATION_FILE}`, text, { mode: 0o644 });
}

async function makeDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  for await (const entry of Deno.readDir(path)) {
    throw usage(
      `make testnet: ${path} is not empty: it has ${entry.name}`,
      "name a new directory with --dir",
    );
  }
}

function usage(message: string, hint: string): VnfchainError {
  return new VnfchainError(message, { code: "testnet", hint, exitCode: EXIT.usage });
}
