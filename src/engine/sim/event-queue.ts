/** Whoever an event happens to. A dead owner's events vanish; a paused owner's wait. */
export interface EventOwner {
  readonly isAlive: boolean;
  readonly isPaused: boolean;
  /** Keeps the event until the owner runs again. */
  defer(event: SimEvent): void;
}

/** Something that will happen. `at` in microseconds of virtual time. */
export interface SimEvent {
  at: number;
  tie: number;
  order: number;
  readonly owner: EventOwner | null;
  run: (() => void) | null;
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie;
}

/** A binary heap ordered by (time, tie-break drawn by chance, order of insertion). */
export class EventQueue {
  private readonly heap: SimEvent[] = [];
  private inserted = 0;

  get size(): number {
    return this.heap.length;
  }

  push(event: SimEvent): void {
    event.order = this.inserted += 1;
    const heap = this.heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as SimEvent;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  pop(): SimEvent | undefined {
    const heap = this.heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      if (childAt + 1 < heap.length && isBefore(heap[childAt + 1] as SimEvent, heap[childAt] as SimEvent)) childAt += 1;
      const child = heap[childAt] as SimEvent;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
    return first;
  }
}
