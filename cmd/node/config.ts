/**
 * A node's settings: `node.toml` in its directory, overridden by flags.
 *
 * @module
 */
import { resolve } from "node:path";
import { type Address, parseAddress } from "../../consensus/tcp/address.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation, FederationDocument } from "../../core/federation.ts";
import { equal } from "../../core/bytes.ts";
import { sha256Hex } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { readKeyFile } from "../common/key_file.ts";
import { readTomlFile, type TomlTable } from "../common/toml_file.ts";
import type { AdmissionPolicy } from "./admission.ts";
import { CONFIG_FILE, FEDERATION_FILE, KEY_FILE } from "./directory.ts";

/** Flags of `vnfchain node`. */
export interface NodeFlags {
  readonly dir: string;
  readonly peers?: string | undefined;
  readonly listen?: string | undefined;
  readonly http?: string | undefined;
  readonly store?: string | undefined;
  readonly observe?: string | undefined;
}

/** Everything that a node is started with. */
export interface NodeConfig {
  readonly directory: string;
  readonly key: PrivateKey;
  /** The chain's first document. */
  readonly federation: Federation;
  /** Where the other members reach this node, when its operator has said so. */
  readonly listen: Address | undefined;
  /** Where clients reach it, when its operator has said so. */
  readonly http: Address | undefined;
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** Where other members are reached, by name, instead of where their document says. */
  readonly peerAddresses: ReadonlyMap<string, Address>;
  /** Nodes to follow the chain from while there are no members to follow it with; none when nothing was said. */
  readonly observe: readonly string[];
  /** Path or KV Connect URL; undefined for the directory's own. */
  readonly store: string | undefined;
  readonly admission: AdmissionPolicy;
}

const CONFIG_KEYS = [
  "listen",
  "http",
  "store",
  "tls_certificate",
  "tls_key",
  "admission",
  "token",
  "rate_per_second",
  "burst",
];

/** Transactions a second and at once, for each client, unless set. */
const DEFAULT_RATE = { perSecond: 200, burst: 2000 };

/** Reads key, federation document and settings. */
export async function readNodeConfig(flags: NodeFlags): Promise<NodeConfig> {
  const directory = flags.dir;
  const key = await readKeyFile(`${directory}/${KEY_FILE}`);
  const peers = flags.peers ?? "";
  const federation = await readFederationFile(
    peers.endsWith(".json") ? peers : `${directory}/${FEDERATION_FILE}`,
  );
  const settings = await readTomlFile(`${directory}/${CONFIG_FILE}`, { keys: CONFIG_KEYS, optional: true });
  // Read whether or not a flag wins: a setting that is wrong is never passed over.
  const set = { listen: settings.text("listen"), http: settings.text("http"), store: settings.text("store") };
  return {
    directory,
    key,
    federation,
    listen: givenAddress(flags.listen ?? set.listen),
    http: givenAddress(flags.http ?? set.http),
    tls: await readTls(settings, directory),
    peerAddresses: peerAddresses(peers.endsWith(".json") ? "" : peers),
    observe: readObserved(flags.observe),
    store: flags.store ?? set.store,
    admission: readAdmission(settings),
  };
}

/** Paths are relative to the node's directory. */
async function readTls(settings: TomlTable, directory: string): Promise<NodeConfig["tls"]> {
  const certificate = settings.text("tls_certificate");
  const key = settings.text("tls_key");
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    throw settings.wrong("tls_certificate", "set together with tls_key");
  }
  return {
    certificate: await readPem(resolve(directory, certificate)),
    key: await readSecretPem(resolve(directory, key)),
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new VnfchainError(`read TLS files: ${path} cannot be read`, {
      code: "tls",
      hint: "tls_certificate and tls_key name PEM files; paths are relative to the node's directory",
      exitCode: EXIT.usage,
      cause,
    });
  }
}

/** Others than the owner and its group may not read a TLS key; the group, because certificate tools use one. */
async function readSecretPem(path: string): Promise<string> {
  const text = await readPem(path);
  const mode = (await Deno.stat(path)).mode ?? 0;
  if ((mode & 0o007) === 0) return text;
  throw new VnfchainError(`read TLS files: ${path} can be read by everybody`, {
    code: "tls",
    hint: `chmod 600 ${path}; if others may have read it, make a new key`,
    exitCode: EXIT.usage,
  });
}

function readAdmission(settings: TomlTable): AdmissionPolicy {
  const kind = settings.text("admission") ?? "open";
  if (kind !== "open" && kind !== "token") throw settings.wrong("admission", '"open" or "token"');
  const tokens = new Map<string, string>();
  for (const table of settings.tables("token", ["name", "sha256"])) {
    tokens.set(sha256Of(table), table.requiredText("name"));
  }
  // Either alone would be a node that lets in other clients than its operator thinks.
  if (kind === "token" && tokens.size === 0) {
    throw settings.wrong("admission", '"token" with at least one [[token]]');
  }
  if (kind === "open" && tokens.size > 0) {
    throw settings.invalid(
      'there is a [[token]], and admission is not "token"',
      'set admission = "token", or leave the tokens out',
    );
  }
  const burst = settings.positive("burst", DEFAULT_RATE.burst);
  if (burst < 1) throw settings.wrong("burst", "a number from 1");
  return {
    tokens: kind === "token" ? tokens : null,
    ratePerSecond: settings.positive("rate_per_second", DEFAULT_RATE.perSecond),
    burst,
  };
}

/** A token stands in the file as its SHA-256, so that a copied file lets nobody in. */
function sha256Of(table: TomlTable): string {
  const digest = table.requiredText("sha256").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digest)) throw table.wrong("sha256", "64 hexadecimal digits");
  return digest;
}

/** SHA-256 of a token, as it stands in `node.toml`. */
export function hashToken(token: string): string {
  return sha256Hex(new TextEncoder().encode(token));
}

function peerAddresses(overrides: string): ReadonlyMap<string, Address> {
  const addresses = new Map<string, Address>();
  for (const override of overrides.split(",").filter((part) => part !== "")) {
    const [name, address] = override.split("=", 2);
    if (name === undefined || name === "" || address === undefined || address === "") {
      throw usage(`read --peers: ${override} names no member`, "wanted FILE.json or name=host:port,…");
    }
    addresses.set(name, parseAddress(address));
  }
  return addresses;
}

/** A slip would go unnoticed otherwise; but a member that joins later has a name that no document knows yet. */
export function unknownNames(
  { peerAddresses }: Pick<NodeConfig, "peerAddresses">,
  { members }: FederationDocument,
): readonly string[] {
  return [...peerAddresses.keys()].filter((name) => members.every((member) => member.name !== name));
}

function readObserved(text: string | undefined): readonly string[] {
  const urls = (text ?? "").split(",").filter((part) => part !== "");
  const wrong = urls.find((url) => !/^https?:\/\//i.test(url) || !URL.canParse(url));
  if (wrong !== undefined) throw usage(`read --observe: ${wrong} is no URL`, "wanted http://host:port,…");
  return urls;
}

function givenAddress(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : parseAddress(text, { anyPort: true });
}

/**
 * Where clients reach the node: where its operator says, or else its member's address in the newest of the chain's
 * documents that has one.
 *
 * @throws VnfchainError `node-config` when neither says.
 */
export function httpAddress(
  { http, key }: Pick<NodeConfig, "http" | "key">,
  documents: readonly FederationDocument[],
): Address {
  if (http !== undefined) return http;
  const own = documents.toReversed().flatMap(({ members }) => members)
    .find((member) => equal(member.key, key.publicKey));
  if (own === undefined) {
    throw usage(
      "start node: its key is no member's, so no document says where clients reach it",
      "name an address with --http; or check that key.pem and federation.json belong together",
    );
  }
  const url = URL.canParse(own.apiUrl) ? new URL(own.apiUrl) : undefined;
  if (url === undefined) {
    throw usage(`read federation document: API address of ${own.name} is ${own.apiUrl}`, "wanted a URL");
  }
  const port = Number(url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port };
}

function usage(message: string, hint: string): VnfchainError {
  return new VnfchainError(message, { code: "node-config", hint, exitCode: EXIT.usage });
}
