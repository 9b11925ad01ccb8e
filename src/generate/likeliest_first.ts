/** Token ids in the order of their logits, as far as someone asks. @module */

/**
 * Ids by falling logits, of equal ones the smaller id first. The first costs a pass over all, each further one the logarithm of their number: a heap, not a
 * sorted list, because sampling wants few of many.
 */
export function* likeliestFirst(logits: Float32Array): Generator<number, void> {
  const heap = new Uint32Array(logits.length);
  for (let id = 0; id < heap.length; id++) heap[id] = id;
  const above = (one: number, other: number): boolean => {
    const a = logits[heap[one]], b = logits[heap[other]];
    return a > b || (a === b && heap[one] < heap[other]);
  };
  const sink = (from: number, length: number): void => {
    for (let place = from;;) {
      const left = 2 * place + 1, right = left + 1;
      let top = place;
      if (left < length && above(left, top)) top = left;
      if (right < length && above(right, top)) top = right;
      if (top === place) return;
      const id = heap[place];
      heap[place] = heap[top];
      heap[top] = id;
      place = top;
    }
  };
  for (let place = (heap.length >> 1) - 1; place >= 0; place--) sink(place, heap.length);
  for (let length = heap.length; length > 0; length--) {
    yield heap[0];
    heap[0] = heap[length - 1];
    sink(0, length - 1);
  }
}
