/** The code under test with quorums of 2f + 1: it is given federations that say so. */
import type { Event } from "../../../consensus/events.ts";
import type { Federation } from "../../../core/federation.ts";
import type { Tip } from "../../../core/ports.ts";
import type { Protocol } from "../types.ts";

const shrunk = new WeakMap<Federation, Federation>();

/** The same federation, with another quorum. */
function shrink(federation: Federation): Federation {
  const found = shrunk.get(federation);
  if (found !== undefined) return found;
  const made = { ...federation, quorum: 2 * federation.faults + 1 };
  shrunk.set(federation, made);
  shrunk.set(made, made);
  return made;
}

function shrinkTip(tip: Tip): Tip {
  const { signedBy, federation, nextFederation } = tip;
  return {
    ...tip,
    signedBy: shrink(signedBy),
    federation: shrink(federation),
    nextFederation: shrink(nextFederation),
  };
}

/** Wraps everything that looks at a quorum. */
export function withSmallQuorum<P extends Protocol>(protocol: P): P {
  return {
    ...protocol,
    start: (options) => protocol.start({ ...options, tip: shrinkTip(options.tip) }),
    step: (state, event) => protocol.step(state, shrinkEvent(event)),
    verifyMessage: (message, context) =>
      protocol.verifyMessage(message, { ...context, federation: shrink(context.federation) }),
    verifyCertificate: (certificate, context) =>
      protocol.verifyCertificate(certificate, { ...context, federation: shrink(context.federation) }),
    checkHeader: (block, context) =>
      protocol.checkHeader(block, {
        ...context,
        tip: { ...context.tip, signedBy: shrink(context.tip.signedBy) },
      }),
  };
}

function shrinkEvent(event: Event): Event {
  return event.kind === "advanced" ? { ...event, tip: shrinkTip(event.tip) } : event;
}
