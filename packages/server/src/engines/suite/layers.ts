/** Layers for the builder's cases: tar in the pax format, with every kind of entry, true or not. */

export interface LayerEntry {
  readonly path: string;
  /** tar's letter for its kind; a plain file where there is none, a directory where the path ends with a slash. */
  readonly kind?: "0" | "1" | "2" | "3" | "4" | "5" | "6";
  readonly content?: string | Buffer;
  /** Of a symbolic or hard link. */
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly device?: readonly [major: number, minor: number];
  /** Records of the extended header, such as `SCHILY.xattr.user.name`. */
  readonly pax?: Readonly<Record<string, string>>;
}

const blockBytes = 512;

export function layerOf(...entries: readonly LayerEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(2 * blockBytes)]);
}

/** The bytes as a stream, in pieces of an odd size. */
export async function* streamOf(bytes: Buffer, pieceBytes = 65_521): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function blocksOf(entry: LayerEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? "");
  const records = Object.entries({ ...entry.pax, ...(entry.path.length > 100 ? { path: entry.path } : {}) });
  const pax = Buffer.concat(records.map(([name, value]) => recordOf(name, value)));
  const extended = pax.length === 0 ? [] : [headerOf({ path: "pax", kind: "0" }, "x", pax.length), padded(pax)];
  const kind = entry.kind ?? (entry.path.endsWith("/") ? "5" : "0");
  return [...extended, headerOf(entry, kind, content.length), padded(content)];
}

/** Its length counts itself. */
function recordOf(name: string, value: string): Buffer {
  const rest = Buffer.from(` ${name}=${value}\n`);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function headerOf(entry: LayerEntry, kind: string, size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const number = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  block.write(entry.path.slice(0, 100), 0);
  number(entry.mode ?? (kind === "5" ? 0o755 : 0o644), 100, 8);
  number(entry.uid ?? 0, 108, 8);
  number(entry.gid ?? 0, 116, 8);
  number(size, 124, 12);
  number(1_700_000_000, 136, 12);
  block.write(kind, 156);
  block.write(entry.target ?? "", 157);
  block.write("ustar\x0000", 257, "latin1");
  number(entry.device?.[0] ?? 0, 329, 8);
  number(entry.device?.[1] ?? 0, 337, 8);
  block.fill(" ", 148, 156);
  number(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)]);
}
