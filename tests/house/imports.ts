/**
 * The import table: which room may import what. Refuses whatever the table does not allow, so a new dependency needs
 * a line here. Source: docs/ARCHITECTURE.md, "Rooms".
 *
 * @module
 */

/** A part of the code base with import rules of its own. */
export type Room = keyof typeof TABLE;

interface Rule {
  /** Rooms whose files may be imported, besides the room itself. */
  readonly rooms: readonly string[];
  /** Bare specifiers: exact, or with a final `*` for a prefix. */
  readonly packages: readonly string[];
}

const NOBLE = ["@noble/*", "@scure/base"];

const TABLE = {
  "main.ts": { rooms: ["cmd"], packages: [] },
  "cmd": {
    rooms: ["core", "core/platform", "consensus", "consensus/tcp", "consensus/driver", "store"],
    packages: [
      "node:*",
      "@commander-js/extra-typings",
      "@logtape/logtape",
      "@peculiar/x509",
      "commander",
      "prom-client",
      "reflect-metadata",
      "smol-toml",
    ],
  },
  "store": { rooms: ["core", "core/platform"], packages: ["node:*"] },
  "consensus": { rooms: ["core"], packages: [] },
  "consensus/tcp": {
    rooms: ["core", "core/platform", "consensus", "consensus/driver"],
    packages: ["node:*"],
  },
  "consensus/driver": {
    rooms: ["core", "core/platform", "consensus", "consensus/tcp"],
    packages: ["node:*"],
  },
  "core": { rooms: [], packages: NOBLE },
  "core/platform": {
    rooms: ["core"],
    packages: [...NOBLE, "node:*", "@hpke/*", "@peculiar/x509", "reflect-metadata"],
  },
} as const satisfies Record<string, Rule>;

/** Imports that one file alone may have. */
const SINGLE_FILE: readonly { readonly specifier: string; readonly file: string }[] = [
  { specifier: "cbor-x", file: "core/cbor.ts" },
];

/** Rooms without I/O, clock, timers and randomness. */
const PURE: readonly Room[] = ["core", "consensus"];

/** The room of a file, by its path from the project's root; `undefined` where no rule applies (tests, benches). */
export function roomOf(path: string): Room | undefined {
  if (path === "main.ts") return path;
  const nested = (Object.keys(TABLE) as Room[]).filter((room) => isWithin(path, room));
  return nested.sort((a, b) => b.length - a.length)[0];
}

/** Whether a file must be free of I/O, clock, timers and randomness. */
export function isPure(path: string): boolean {
  const room = roomOf(path);
  return room !== undefined && PURE.includes(room);
}

/** What is wrong with an import that stands in the file at `path`; `undefined` when the table allows it. */
export function importProblem(path: string, specifier: string): string | undefined {
  const room = roomOf(path);
  if (room === undefined) return undefined;
  if (/^(\.\.?|file:|)\//.test(specifier)) return relativeProblem({ path, room, specifier });
  const owner = SINGLE_FILE.find((rule) => matches(specifier, `${rule.specifier}*`))?.file;
  if (owner !== undefined) {
    return path === owner ? undefined : `${specifier} is imported by ${owner} alone`;
  }
  const packages: readonly string[] = TABLE[room].packages;
  return packages.some((pattern) => matches(specifier, pattern))
    ? undefined
    : `${room} may not import ${specifier}`;
}

function relativeProblem({ path, room, specifier }: { path: string; room: Room; specifier: string }) {
  const target = new URL(specifier, `file:///project/${path}`).pathname;
  const targetPath = target.startsWith("/project/") ? target.slice("/project/".length) : undefined;
  const targetRoom = targetPath === undefined ? undefined : roomOf(targetPath);
  const rooms: readonly string[] = TABLE[room].rooms;
  if (targetRoom !== undefined && (targetRoom === room || rooms.includes(targetRoom))) return undefined;
  return `${room} may not import ${targetRoom ?? "from outside the rooms"} (${specifier})`;
}

/** `consensus/tcp` holds `consensus/tcp/peer.ts` and `consensus/tcp.ts`. */
function isWithin(path: string, room: string): boolean {
  return path.startsWith(`${room}/`) || path === `${room}.ts`;
}

function matches(specifier: string, pattern: string): boolean {
  return pattern.endsWith("*") ? specifier.startsWith(pattern.slice(0, -1)) : specifier === pattern;
}
