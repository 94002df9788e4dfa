/**
 * The agent's configuration file (TOML), written once when the VNF is made, as by cloud-init: which tenants to trust,
 * which nodes to ask, and the programs that apply a configuration. Nothing from the chain ever changes it.
 *
 * Refused with `agent-config`: unknown keys, values of another type, relative paths, presets that this version does
 * not have, `{generation}` inside a longer argument.
 *
 * @module
 */
import { parse, TomlError, type TomlTable } from "smol-toml";
import type { PublicKey } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { publicKeyFromText } from "../../core/keys.ts";
import { LIMITS } from "../../core/limits.ts";
import { ConfigFields, configProblem } from "./config_fields.ts";

/** A program and its arguments; never a shell's command line. */
export type Argv = readonly string[];

/** The argument that stands for the new generation's directory. */
export const GENERATION_ARGUMENT = "{generation}";

/** A tenant whose configurations this VNF takes. */
export interface TenantConfig {
  readonly key: PublicKey;
  /** Replaces the tenant's key when that is lost; null when there is none. */
  readonly recovery: PublicKey | null;
}

/** What all presets share. */
export interface DriverBase {
  /** Tells by its exit code whether the VNF is healthy after an apply. */
  readonly health: Argv | null;
  /** How long the VNF may take to become healthy. */
  readonly confirmMs: number;
  /** How long one program may take. */
  readonly timeoutMs: number;
}

/** One `[[driver]]`. */
export type DriverConfig =
  | DriverBase & {
    readonly preset: "exec";
    readonly check: Argv | null;
    readonly apply: Argv;
    readonly export: Argv | null;
  }
  | DriverBase & { readonly preset: "nftables" };

/** The file's content. */
export interface AgentConfig {
  /** Origins of nodes, as `http://192.0.2.1:8000`. */
  readonly nodes: readonly string[];
  /** Path of the pinned federation document. */
  readonly federation: string;
  readonly stateDir: string;
  readonly intervalMs: number;
  readonly maxStalenessMs: number;
  readonly allowEmpty: boolean;
  readonly tenants: readonly TenantConfig[];
  readonly drivers: readonly DriverConfig[];
  /** PEM file with the authorities that nodes' HTTPS certificates are checked against; null for the system's. */
  readonly caFile: string | null;
  /** URL of an HTTP proxy. */
  readonly proxy: string | null;
  /** File with the token that nodes want from whoever sends a transaction. */
  readonly tokenFile: string | null;
}

const DRIVER_BASE = ["preset", "health", "confirm", "timeout"];
const PRESET_KEYS = { exec: [...DRIVER_BASE, "check", "apply", "export"], nftables: DRIVER_BASE };
const LATER_PRESETS = ["haproxy", "nginx", "frr", "bird", "dnsmasq", "unbound"];

const CONFIG_KEYS = [
  "nodes",
  "federation",
  "state_dir",
  "interval",
  "max_staleness",
  "allow_empty",
  "tenant",
  "driver",
  "ca_file",
  "proxy",
  "token_file",
];

/** Reads the file at `path`. */
export async function readAgentConfig(path: string): Promise<AgentConfig> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw configProblem(`agent configuration ${path}: cannot be read: ${reason}`, "name it with --config");
  }
  return parseAgentConfig(text, path);
}

/** Parses the file's text; `source` stands before every message. */
export function parseAgentConfig(text: string, source: string): AgentConfig {
  const fields = new ConfigFields(parseToml(text, source), { where: source, known: CONFIG_KEYS });
  const tenants = fields.tables("tenant").map((table, i) => tenantFrom(table, `${source}: tenant ${i + 1}`));
  const drivers = fields.tables("driver").map((table, i) => driverFrom(table, `${source}: driver ${i + 1}`));
  if (tenants.length === 0) throw configProblem(`${source}: no [[tenant]]`, `add one with key = "vc1…"`);
  if (tenants.length > LIMITS.pollFeeds) {
    throw configProblem(`${source}: more than ${LIMITS.pollFeeds} tenants`);
  }
  if (new Set(tenants.map(({ key }) => toHex(key))).size < tenants.length) {
    throw configProblem(`${source}: two [[tenant]] with one key`);
  }
  return {
    nodes: nodesFrom(fields),
    federation: fields.path("federation"),
    stateDir: fields.path("state_dir"),
    intervalMs: fields.durationMs("interval", 10_000),
    maxStalenessMs: fields.durationMs("max_staleness", 120_000),
    allowEmpty: fields.flag("allow_empty", false),
    tenants,
    drivers,
    caFile: fields.optionalPath("ca_file"),
    proxy: fields.has("proxy") ? fields.text("proxy") : null,
    tokenFile: fields.optionalPath("token_file"),
  };
}

function parseToml(text: string, source: string): TomlTable {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Only the place and the first line: the rest of the message quotes the file.
    const [reason] = error.message.split("\n");
    throw configProblem(`${source}:${error.line}:${error.column}: ${reason}`);
  }
}

function nodesFrom(fields: ConfigFields): readonly string[] {
  const wanted = `a list of URLs, as ["http://192.0.2.1:8000"]`;
  const texts = fields.optionalTexts("nodes");
  if (texts === null) throw fields.wrong("nodes", wanted);
  return texts.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === "/" &&
      `${url.username}${url.password}${url.search}${url.hash}` === "";
    if (!plain) throw fields.wrong("nodes", wanted);
    return url.origin;
  });
}

function tenantFrom(table: TomlTable, where: string): TenantConfig {
  const fields = new ConfigFields(table, { where, known: ["key", "recovery"] });
  return {
    key: keyFrom(fields, "key"),
    recovery: fields.has("recovery") ? keyFrom(fields, "recovery") : null,
  };
}

function keyFrom(fields: ConfigFields, name: string): PublicKey {
  const key = publicKeyFromText(fields.text(name));
  if (key === undefined) throw fields.wrong(name, "a public key, vc1…");
  return key;
}

function driverFrom(table: TomlTable, where: string): DriverConfig {
  const preset = table["preset"];
  if (typeof preset === "string" && LATER_PRESETS.includes(preset)) {
    throw configProblem(`${where}: this version has no preset ${preset}`, `use preset = "exec"`);
  }
  if (preset !== "exec" && preset !== "nftables") {
    throw configProblem(`${where}: preset is not "exec" or "nftables"`);
  }
  const fields = new ConfigFields(table, { where, known: PRESET_KEYS[preset] });
  const base = {
    health: argvFrom(fields, "health"),
    confirmMs: fields.durationMs("confirm", 30_000),
    timeoutMs: fields.durationMs("timeout", LIMITS.driverMs),
  };
  if (preset === "nftables") return { preset, ...base };
  const apply = argvFrom(fields, "apply");
  if (apply === null) {
    throw fields.wrong("apply", `a program and its arguments, as ["/usr/local/bin/reload"]`);
  }
  const exporting = argvFrom(fields, "export");
  if (exporting?.includes(GENERATION_ARGUMENT) === true) {
    throw fields.wrong(
      "export",
      `without ${GENERATION_ARGUMENT}: it prints the VNF's state, not a generation's`,
    );
  }
  return { preset, ...base, check: argvFrom(fields, "check"), apply, export: exporting };
}

function argvFrom(fields: ConfigFields, name: string): Argv | null {
  const argv = fields.optionalTexts(name);
  const inside = argv?.find((part) => part.includes(GENERATION_ARGUMENT) && part !== GENERATION_ARGUMENT);
  if (inside !== undefined || argv?.[0] === GENERATION_ARGUMENT) {
    throw fields.wrong(name, `a program, and arguments of which ${GENERATION_ARGUMENT} is a whole one`);
  }
  return argv;
}
