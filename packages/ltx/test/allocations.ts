/**
 * What a call allocates: the typed arrays that it makes, counted as they are made, so that those
 * which are let go of at once count too.
 */

export interface Allocations {
  readonly count: number;
  /** Bytes of the largest one. */
  readonly largest: number;
  /** Bytes of all of them. */
  readonly total: number;
}

const KINDS = [
  "ArrayBuffer",
  "Uint8Array",
  "Uint16Array",
  "Uint32Array",
  "Int32Array",
  "Float64Array",
  "BigUint64Array",
] as const;

type Kind = new (
  ...args: readonly unknown[]
) => { readonly byteLength: number; readonly buffer?: ArrayBufferLike };

/** Calls once, whether or not it throws. Views of what is there already do not count. */
export function allocationsOf(call: () => unknown): Allocations {
  let count = 0;
  let largest = 0;
  let total = 0;
  const add = (size: number): void => {
    count += 1;
    largest = Math.max(largest, size);
    total += size;
  };
  const globals = globalThis as unknown as Record<string, Kind>;
  const originals = KINDS.map((kind) => [kind, globals[kind] as Kind] as const);
  const { slice } = Uint8Array.prototype;
  for (const [kind, original] of originals) {
    globals[kind] = new Proxy(original, {
      construct(target, args) {
        const isView = args[0] instanceof ArrayBuffer || args[0] instanceof SharedArrayBuffer;
        // Counted by what was asked for: a length that cannot be had must not go by unseen.
        const asked = typeof args[0] === "number" ? args[0] * bytesOf(target) : 0;
        if (asked > 0) add(asked);
        const made = new target(...args);
        if (asked === 0 && !isView) add(made.byteLength);
        return made;
      },
    });
  }
  Uint8Array.prototype.slice = function (this: Uint8Array, ...range) {
    const copy = slice.apply(this, range);
    add(copy.byteLength);
    return copy as Uint8Array<ArrayBuffer>;
  };
  try {
    call();
  } catch {
    // What was allocated by then is what is asked.
  } finally {
    for (const [kind, original] of originals) globals[kind] = original;
    Uint8Array.prototype.slice = slice;
  }
  return { count, largest, total };
}

function bytesOf(kind: Kind): number {
  return (kind as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
}
