/** Cutting a stream of bytes anew, without copying them. */

/** The beginning of a source, at most so much that it is at least `bytes`; the rest of it, where there is more. */
export async function beginningOf(
  source: AsyncIterator<Uint8Array>,
  bytes: number,
): Promise<{ readonly pieces: readonly Uint8Array[]; readonly isWhole: boolean }> {
  const pieces: Uint8Array[] = [];
  for (let size = 0; size < bytes; ) {
    const next = await source.next();
    if (next.done === true) return { pieces, isWhole: true };
    pieces.push(next.value);
    size += next.value.length;
  }
  return { pieces, isWhole: false };
}

/** All pieces, and then what the source still has. */
export async function* withRest(
  pieces: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
    for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
  } finally {
    void source.return?.()?.catch(() => {});
  }
}

/** Smaller ones than that are put together. */
const largeBytes = 16 * 1024;

/** The same bytes in fewer pieces: many tiny ones would cost a multiple of what they hold. Large ones are not copied. */
export async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let small: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    if (piece.length >= largeBytes) {
      if (size > 0) yield Buffer.concat(small);
      yield piece;
      small = [];
      size = 0;
    } else if (piece.length > 0) {
      small.push(piece);
      size += piece.length;
      if (size < largeBytes) continue;
      yield Buffer.concat(small);
      small = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(small);
}

/** Groups of pieces of exactly so many bytes each; the last may have fewer. */
export async function* groupsOf(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array[]> {
  let group: Uint8Array[] = [];
  let room = bytes;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + room);
      group.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield group;
      group = [];
      room = bytes;
    }
  }
  if (group.length > 0) yield group;
}

/** What is left of pieces when so many bytes of them are done. */
export function withoutFirst(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  const rest = [...pieces];
  for (let first = rest[0]; first !== undefined && left >= first.length; first = rest[0]) {
    left -= first.length;
    rest.shift();
  }
  const [cut, ...whole] = rest;
  return cut === undefined || left === 0 ? rest : [cut.subarray(left), ...whole];
}
