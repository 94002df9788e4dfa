/**
 * `federation.json`: the federation document as people read it. Keys are `vc1…`, hashes hexadecimal, certificates
 * base64 of their DER, times ISO 8601. What is read back must be exactly a document: nothing is guessed.
 *
 * @module
 */
import { asHash, type Hash } from "../../core/brands.ts";
import { type Bytes, fromBase64, fromHex, toBase64, toHex } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import {
  decodeFederation,
  encodeFederation,
  type Federation,
  type FederationDocument,
  type Member,
  type Parameters,
} from "../../core/federation.ts";
import { publicKeyFromText, publicKeyToText } from "../../core/keys.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";

/** The document as JSON text. */
export function federationToJson(federation: Federation): string {
  const { document } = federation;
  return JSON.stringify(
    {
      version: 1,
      genesisId: toHex(federation.genesisId),
      hash: toHex(federation.hash),
      sequence: document.sequence,
      previous: toHex(document.previous),
      time: new Date(document.time).toISOString(),
      name: document.name,
      authority: toBase64(document.authority),
      members: document.members.map((member) => ({
        ...member,
        key: publicKeyToText(member.key),
        certificate: toBase64(member.certificate),
      })),
      parameters: document.parameters,
    },
    null,
    2,
  ) + "\n";
}

/** Reads a document from JSON text; throws `federation-unreadable` with the field that is wrong. */
export function federationFromJson(text: string, source: string): Federation {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw unreadable(source, "no JSON", cause);
  }
  const document = documentFrom(new Fields(json, source));
  // Through the codec: so that a file is held to the same rules as a document from the network.
  const decoded = decodeFederation(platformCrypto.hash, encodeFederation(document));
  if (!decoded.ok) throw unreadable(source, decoded.detail);
  const stated = json as { genesisId?: unknown; hash?: unknown };
  if (stated.genesisId !== toHex(decoded.value.genesisId) || stated.hash !== toHex(decoded.value.hash)) {
    throw unreadable(source, "genesisId or hash is not that of the document");
  }
  return decoded.value;
}

/** Reads `federation.json`. */
export async function readFederationFile(path: string): Promise<Federation> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new VnfchainError(`read federation document: ${path} cannot be read`, {
      code: "federation-missing",
      hint: "name the file with --federation; an operator of the federation hands it out",
      exitCode: EXIT.usage,
      cause,
    });
  }
  return federationFromJson(text, path);
}

function documentFrom(fields: Fields): FederationDocument {
  const sequence = fields.number("sequence");
  return {
    version: 1,
    genesisId: sequence === 0 ? asHash(new Uint8Array(32)) : fields.hash("genesisId"),
    sequence,
    previous: fields.hash("previous"),
    time: fields.time("time"),
    name: fields.text("name"),
    authority: fields.base64("authority"),
    members: fields.list("members").map(memberFrom),
    parameters: parametersFrom(fields.object("parameters")),
  };
}

function memberFrom(fields: Fields): Member {
  const key = publicKeyFromText(fields.text("key"));
  if (key === undefined) throw fields.wrong("key", "a public key, vc1…");
  return {
    name: fields.text("name"),
    key,
    certificate: fields.base64("certificate"),
    peerAddress: fields.text("peerAddress"),
    apiUrl: fields.text("apiUrl"),
  };
}

function parametersFrom(fields: Fields): Parameters {
  return {
    transactionLifetimeMs: fields.number("transactionLifetimeMs"),
    maxDriftMs: fields.number("maxDriftMs"),
    heartbeatMs: fields.number("heartbeatMs"),
    maxBlockBytes: fields.number("maxBlockBytes"),
    maxTransactionBytes: fields.number("maxTransactionBytes"),
    tenureBlocks: fields.number("tenureBlocks"),
    roundTimeoutMs: fields.number("roundTimeoutMs"),
    roundTimeoutMaxMs: fields.number("roundTimeoutMaxMs"),
    quotaBytesPerHour: fields.number("quotaBytesPerHour"),
  };
}

/** Typed access to a JSON object; each failure names the file and the field. */
class Fields {
  readonly #json: Record<string, unknown>;
  readonly #source: string;

  constructor(json: unknown, source: string) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw unreadable(source, "no JSON object");
    }
    this.#json = json as Record<string, unknown>;
    this.#source = source;
  }

  wrong(field: string, wanted: string): VnfchainError {
    return unreadable(this.#source, `${field} is not ${wanted}`);
  }

  text(field: string): string {
    const value = this.#json[field];
    if (typeof value !== "string") throw this.wrong(field, "a text");
    return value;
  }

  number(field: string): number {
    const value = this.#json[field];
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      throw this.wrong(field, "a whole number from 0");
    }
    return value as number;
  }

  hash(field: string): Hash {
    const bytes = fromHex(this.text(field));
    if (bytes?.length !== 32) throw this.wrong(field, "64 hexadecimal digits");
    return asHash(bytes);
  }

  base64(field: string): Bytes {
    const bytes = fromBase64(this.text(field));
    if (bytes === undefined) throw this.wrong(field, "base64");
    return bytes;
  }

  time(field: string): number {
    const time = Date.parse(this.text(field));
    if (!Number.isSafeInteger(time) || time < 0) {
      throw this.wrong(field, "a time, as 2030-12-31T12:00:00.000Z");
    }
    return time;
  }

  object(field: string): Fields {
    return new Fields(this.#json[field], `${this.#source}: ${field}`);
  }

  list(field: string): readonly Fields[] {
    const value = this.#json[field];
    if (!Array.isArray(value)) throw this.wrong(field, "a list");
    return value.map((item, i) => new Fields(item, `${this.#source}: ${field}[${i}]`));
  }
}

function unreadable(source: string, detail: string, cause?: unknown): VnfchainError {
  return new VnfchainError(`read federation document: ${source}: ${detail}`, {
    code: "federation-unreadable",
    hint: "ask an operator of the federation for the document again",
    exitCode: EXIT.usage,
    cause,
  });
}
