/**
 * The agent's configuration file (TOML), written once when the VNF is made, as by cloud-init: which tenants to trust,
 * which nodes to ask, and the programs that apply a configuration. Nothing from the chain ever changes it.
 *
 * Refused with `config-invalid`: unknown keys, values of another type, relative paths, presets that this version does
 * not have, `{generation}` inside a longer argument.
 *
 * @module
 */
import type { PublicKey } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { publicKeyFromText } from "../../core/keys.ts";
import { LIMITS } from "../../core/limits.ts";
import { parseToml, readTomlFile, type TomlTable } from "../common/toml_file.ts";

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
  /** A bundle whose header is older is refused. */
  readonly bundleMaxAgeMs: number;
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
const TENANT_KEYS = ["key", "recovery"];
const LATER_PRESETS = ["haproxy", "nginx", "frr", "bird", "dnsmasq", "unbound"];

const CONFIG_KEYS = [
  "nodes",
  "federation",
  "state_dir",
  "interval",
  "max_staleness",
  "bundle_max_age",
  "allow_empty",
  "tenant",
  "driver",
  "ca_file",
  "proxy",
  "token_file",
];

/** Reads the file at `path`; throws `config-missing` or `config-invalid`. */
export async function readAgentConfig(path: string): Promise<AgentConfig> {
  return configFrom(await readTomlFile(path, { keys: CONFIG_KEYS }));
}

/** Parses the file's text; `source` stands before every message. */
export function parseAgentConfig(text: string, source: string): AgentConfig {
  return configFrom(parseToml(text, { place: source, keys: CONFIG_KEYS }));
}

function configFrom(table: TomlTable): AgentConfig {
  return {
    nodes: nodesFrom(table),
    federation: table.requiredPath("federation"),
    stateDir: table.requiredPath("state_dir"),
    intervalMs: table.durationMs("interval", 10_000),
    maxStalenessMs: table.durationMs("max_staleness", 120_000),
    bundleMaxAgeMs: table.durationMs("bundle_max_age", 7 * 86_400_000),
    allowEmpty: table.flag("allow_empty", false),
    tenants: tenantsFrom(table),
    drivers: table.tables("driver", PRESET_KEYS.exec).map(driverFrom),
    caFile: table.path("ca_file") ?? null,
    proxy: table.text("proxy") ?? null,
    tokenFile: table.path("token_file") ?? null,
  };
}

function nodesFrom(table: TomlTable): readonly string[] {
  const wanted = `a list of URLs, as ["http://192.0.2.1:8000"]`;
  const texts = table.texts("nodes") ?? [];
  if (texts.length === 0) throw table.wrong("nodes", wanted);
  return texts.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === "/" &&
      `${url.username}${url.password}${url.search}${url.hash}` === "";
    if (!plain) throw table.wrong("nodes", wanted);
    return url.origin;
  });
}

function tenantsFrom(table: TomlTable): readonly TenantConfig[] {
  const tenants = table.tables("tenant", TENANT_KEYS).map((tenant) => ({
    key: keyFrom(tenant.requiredText("key"), { table: tenant, name: "key" }),
    recovery: tenant.has("recovery")
      ? keyFrom(tenant.requiredText("recovery"), { table: tenant, name: "recovery" })
      : null,
  }));
  if (tenants.length === 0) throw table.invalid("no [[tenant]]", `add one with key = "vc1…"`);
  if (tenants.length > LIMITS.pollFeeds) throw table.invalid(`more than ${LIMITS.pollFeeds} tenants`);
  if (new Set(tenants.map(({ key }) => toHex(key))).size < tenants.length) {
    throw table.invalid("two [[tenant]] with one key");
  }
  return tenants;
}

function keyFrom(text: string, { table, name }: { table: TomlTable; name: string }): PublicKey {
  const key = publicKeyFromText(text);
  if (key === undefined) throw table.wrong(name, "a public key, vc1…");
  return key;
}

function driverFrom(table: TomlTable): DriverConfig {
  const preset = table.requiredText("preset");
  if (LATER_PRESETS.includes(preset)) {
    throw table.invalid(`this version has no preset ${preset}`, `use preset = "exec"`);
  }
  if (preset !== "exec" && preset !== "nftables") throw table.wrong("preset", '"exec" or "nftables"');
  table.only(PRESET_KEYS[preset]);
  const base = {
    health: argvFrom(table, "health"),
    confirmMs: table.durationMs("confirm", 30_000),
    timeoutMs: table.durationMs("timeout", LIMITS.driverMs),
  };
  if (preset === "nftables") return { preset, ...base };
  const apply = argvFrom(table, "apply");
  if (apply === null) throw table.wrong("apply", PROGRAM);
  const exporting = argvFrom(table, "export");
  if (exporting?.includes(GENERATION_ARGUMENT) === true) {
    throw table.wrong(
      "export",
      `without ${GENERATION_ARGUMENT}: it prints the VNF's state, not a generation's`,
    );
  }
  return { preset, ...base, check: argvFrom(table, "check"), apply, export: exporting };
}

const PROGRAM = `a list of a program and its arguments, as ["/usr/local/bin/reload"]`;

function argvFrom(table: TomlTable, name: string): Argv | null {
  const argv = table.texts(name);
  if (argv === undefined) return null;
  if (argv.length === 0) throw table.wrong(name, PROGRAM);
  const inside = argv.find((part) => part.includes(GENERATION_ARGUMENT) && part !== GENERATION_ARGUMENT);
  if (inside !== undefined || argv[0] === GENERATION_ARGUMENT) {
    throw table.wrong(name, `a program, and arguments of which ${GENERATION_ARGUMENT} is a whole one`);
  }
  return argv;
}
