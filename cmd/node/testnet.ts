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
  checkDocument,
  DEFAULT_PARAMETERS,
  type Federation,
  federationOf,
  type Member,
  type Parameters,
} from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
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

const HTTP_OFFSET = 1000;
const DAY_MS = 86_400_000;

/** Makes DIR/federation.json and DIR/node-1 … with their keys. */
export async function makeTestnet(options: TestnetOptions, nowMs: number): Promise<Federation> {
  const { directory } = options;
  await makeDirectory(directory);
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
  const federation = federationOf(platformCrypto.hash, {
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
  const problem = checkDocument(federation.document);
  if (problem !== undefined) throw usage(problem.detail, "see --set in `vnfchain node testnet --help`");
  const text = utf8(federationToJson(federation));
  await writeDurably(`${directory}/${FEDERATION_FILE}`, text, { mode: 0o644 });
  for (const [i, key] of keys.entries()) await makeNodeDirectory(`${directory}/${nameOf(i)}`, { key, text });
  return federation;
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
