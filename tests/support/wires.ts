/**
 * The wires between real nodes: a TCP relay for each direction in which one dials another, which the test can cut or
 * silence. A silenced connection never carries a byte again and neither end is told, as when a router dies; only
 * keep-alive finds it out.
 *
 * @module
 */

/** What becomes of new connections between two nodes. */
type Passage = "open" | "cut" | "silent";

/** The wires; disposing closes all relays. */
export interface Wires extends AsyncDisposable {
  /** Flags by which a node dials all others over the wires. */
  readonly flags: (index: number, basePort: number) => readonly string[];
  /** Ends the connections between two nodes, and lets no new one come about. */
  readonly cut: (a: number, b: number) => void;
  /** Silences the connections between two nodes; new ones are silent too. */
  readonly silence: (a: number, b: number) => void;
  /** Silences those that stand; new ones work. */
  readonly strand: (a: number, b: number) => void;
  /** New connections work again; silenced ones stay so. */
  readonly mend: (a: number, b: number) => void;
  /** From now on only nodes of one group reach each other; all do when there is no group. */
  readonly split: (...groups: readonly (readonly number[])[]) => void;
}

interface Relay {
  readonly listener: Deno.TcpListener;
  readonly connections: Set<Relayed>;
  accepting: Promise<void>;
  targetPort: number;
}

interface Relayed {
  readonly ends: readonly [Deno.TcpConn, Deno.TcpConn];
  isSilent: boolean;
  done: Promise<unknown>;
}

/** Lays the wires between so many nodes. */
export function layWires(nodes: number): Wires {
  const indexes = Array.from({ length: nodes }, (_, index) => index);
  const relays = new Map<string, Relay>();
  const passages = new Map<string, Passage>();
  const pairOf = (a: number, b: number) => a < b ? `${a},${b}` : `${b},${a}`;
  const passageOf = (a: number, b: number) => passages.get(pairOf(a, b)) ?? "open";

  for (const from of indexes) {
    for (const to of indexes.filter((index) => index !== from)) {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const relay: Relay = { listener, connections: new Set(), accepting: Promise.resolve(), targetPort: 0 };
      relay.accepting = accept(relay, () => passageOf(from, to));
      relays.set(`${from}>${to}`, relay);
    }
  }

  const relayOf = (from: number, to: number) => relays.get(`${from}>${to}`) as Relay;

  function between(a: number, b: number): readonly Relayed[] {
    return [relayOf(a, b), relayOf(b, a)].flatMap(({ connections }) => [...connections]);
  }

  function set(a: number, b: number, passage: Passage): void {
    passages.set(pairOf(a, b), passage);
    for (const one of between(a, b)) {
      if (passage === "silent") one.isSilent = true;
      else if (passage === "cut" && !one.isSilent) hangUp(one);
    }
  }

  return {
    flags: (index, basePort) => {
      const others = indexes.filter((other) => other !== index);
      const addresses = others.map((other) => {
        const relay = relayOf(index, other);
        relay.targetPort = basePort + other;
        return `node-${other + 1}=127.0.0.1:${relay.listener.addr.port}`;
      });
      return ["--peers", addresses.join(",")];
    },
    cut: (a, b) => set(a, b, "cut"),
    silence: (a, b) => set(a, b, "silent"),
    strand: (a, b) => {
      for (const one of between(a, b)) one.isSilent = true;
    },
    mend: (a, b) => set(a, b, "open"),
    split: (...groups) => {
      for (const a of indexes) {
        for (const b of indexes.filter((index) => index > a)) {
          const meet = groups.length === 0 || groups.some((group) => group.includes(a) && group.includes(b));
          set(a, b, meet ? "open" : "cut");
        }
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const { listener, connections } of relays.values()) {
        listener.close();
        for (const one of connections) hangUp(one);
      }
      for (const { accepting, connections } of relays.values()) {
        await accepting;
        await Promise.all([...connections].map(({ done }) => done));
      }
    },
  };
}

async function accept(relay: Relay, passage: () => Passage): Promise<void> {
  for await (const from of relay.listener) {
    const to = passage() === "cut" ? undefined : await connect(relay.targetPort);
    // It may have been cut meanwhile.
    if (to === undefined || passage() === "cut") {
      for (const end of [from, to]) end?.close();
      continue;
    }
    const one: Relayed = { ends: [from, to], isSilent: passage() === "silent", done: Promise.resolve() };
    relay.connections.add(one);
    one.done = Promise.all([carry(one, [from, to]), carry(one, [to, from])]).then(() => {
      relay.connections.delete(one);
      hangUp(one);
    });
  }
}

async function connect(port: number): Promise<Deno.TcpConn | undefined> {
  return await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
}

/** Carries bytes one way, until either end is gone; what is silent reads on and carries nothing, not even the end. */
async function carry(one: Relayed, [from, to]: readonly [Deno.TcpConn, Deno.TcpConn]): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (one.isSilent) {
        if (count === null) return;
        continue;
      }
      if (count === null) break;
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  } catch {
    // An end is gone.
  }
  if (!one.isSilent) hangUp(one);
}

function hangUp({ ends }: Relayed): void {
  for (const end of ends) {
    try {
      end.close();
    } catch {
      // Closed already.
    }
  }
}
