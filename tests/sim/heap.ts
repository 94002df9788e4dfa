/** What is to happen, in order of virtual time; at one time, in the order in which it was planned. */

/** Something planned. */
export interface Planned {
  readonly atMs: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** A binary heap. */
export interface Heap {
  readonly push: (planned: Planned) => void;
  /** Takes out the first. */
  readonly pop: () => Planned | undefined;
  /** The first, left where it is. */
  readonly peek: () => Planned | undefined;
  readonly size: () => number;
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}

/** An empty heap. */
export function makeHeap(): Heap {
  const items: Planned[] = [];

  function sink(item: Planned): void {
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      const right = items[child + 1];
      if (right !== undefined && isBefore(right, items[child] as Planned)) child++;
      if (!isBefore(items[child] as Planned, item)) break;
      items[at] = items[child] as Planned;
      at = child;
    }
    items[at] = item;
  }

  return {
    peek: () => items[0],
    size: () => items.length,
    push: (item) => {
      let at = items.length;
      items.push(item);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!isBefore(item, items[parent] as Planned)) break;
        items[at] = items[parent] as Planned;
        at = parent;
      }
      items[at] = item;
    },
    pop: () => {
      const first = items[0];
      const last = items.pop();
      if (items.length > 0 && last !== undefined) sink(last);
      return first;
    },
  };
}
