/** What the adversary's parts share: a puppet (one node of its, with its honest face) and what behaviours may do. */
import type { RawBlock } from "../../../core/block.ts";
import type { Height, Round } from "../../../core/brands.ts";
import type { Federation, Parameters } from "../../../core/federation.ts";
import type { Tip } from "../../../core/ports.ts";
import type { AdversaryPort, Copy, Frame, Hello, NodeId, Random, Sending } from "../types.ts";
import type { Knowledge } from "./knowledge.ts";

/** A place in the protocol's order. */
export interface Place {
  readonly height: Height;
  readonly round: Round;
}

/** A frame that reached a node of the adversary's. */
export interface Arrival {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly frame: Frame;
}

/** One node of the adversary's. */
export interface Puppet {
  readonly port: AdversaryPort;
  readonly node: NodeId;
  readonly random: Random;
  /** What all puppets have seen. */
  readonly knowledge: Knowledge;
  /** Real code with the node's key, which follows the chain. */
  readonly face: Copy;
  readonly tip: () => Tip;
  readonly federation: () => Federation;
  readonly parameters: () => Parameters;
  /** Where the face stands. */
  readonly place: () => Place;
  /** The node's member index; −1 for who is no member. */
  readonly index: () => number;
  /** The adversary's nodes that are members now, this one included. */
  readonly allies: () => readonly NodeId[];
  /** The correct nodes. */
  readonly victims: readonly NodeId[];
  /** Sends a frame from this node. */
  readonly send: (to: NodeId | readonly NodeId[], frame: Frame) => void;
  /** The same, after a while. */
  readonly sendLate: (to: NodeId | readonly NodeId[], late: { frame: Frame; delayMs: number }) => void;
  /** Counts that the behaviour was exercised. */
  readonly count: () => void;
}

/** One way of misbehaving; whatever it leaves out, the node does as its honest face wants. */
export interface Behaviour {
  /** What the face sends; gives what the node sends instead. */
  readonly filter?: (sending: Sending) => readonly Sending[];
  /** A frame arrived, whether or not the face gets it. */
  readonly onFrame?: (arrival: Arrival) => void;
  /** The face reached another height or round. */
  readonly onRound?: (place: Place) => void;
  /** Now and then. */
  readonly onTick?: () => void;
  readonly hello?: (peer: NodeId, honest: Hello) => Hello;
  /** What it answers over HTTP. */
  readonly blocks?: (honest: readonly RawBlock[]) => readonly RawBlock[];
}

/** Gives a puppet a behaviour. */
export type MakeBehaviour = (self: Puppet) => Behaviour;
