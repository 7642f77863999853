/**
 * Writes an empty qcow2 image on top of another, without starting qemu-img (40 ms a time). Format: docs/interop/qcow2.txt
 * of QEMU, version 3, clusters of 64 KiB: header · refcount table · refcount block · first-level table, one cluster each.
 */
import { open, stat } from "node:fs/promises";

export interface Backing {
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

const clusterBits = 16;
const clusterBytes = 1 << clusterBits;
const magic = "QFI\xfb";
const headerBytes = 104;
/** A second-level table fills one cluster with 8-byte entries, one a cluster. */
const bytesPerTable = clusterBytes * (clusterBytes / 8);
const backingFormatExtension = 0xe2792aca;
const clusters = { header: 0, refcountTable: 1, refcountBlock: 2, firstTable: 3, end: 4 } as const;
const longestBackingPath = 1023;

export interface OverlayOptions {
  readonly virtualBytes: number;
  /** Whose it becomes. Default: ours. */
  readonly owner?: number | undefined;
}

/** Fails when the file is there already. */
export async function writeOverlay(
  path: string,
  backing: Backing,
  { virtualBytes, owner }: OverlayOptions,
): Promise<void> {
  const image = overlayImage(backing, virtualBytes);
  const file = await open(path, "wx", 0o600);
  try {
    await file.write(image);
    await file.truncate(clusters.end * clusterBytes);
    if (owner !== undefined) await file.chown(owner, owner);
  } finally {
    await file.close();
  }
}

/** What an image stands on; undefined where its header does not say. */
export async function backingPath(path: string): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(clusterBytes), 0, clusterBytes, 0);
    if (bytesRead < headerBytes || buffer.toString("latin1", 0, magic.length) !== magic) return undefined;
    const at = Number(buffer.readBigUInt64BE(8));
    const length = buffer.readUInt32BE(16);
    return length > 0 && at + length <= bytesRead ? buffer.toString("utf8", at, at + length) : undefined;
  } finally {
    await file.close();
  }
}

/** Of features, only the mark of an image that was not closed may be set: with another one it could keep its data in any file. */
const harmlessFeatures = 1n;

/** Rejects where an image's header says that it stands on anything else, or keeps its data elsewhere. */
export async function checkBacking(path: string, expected: Backing): Promise<void> {
  await using file = await open(path, "r");
  const header = Buffer.alloc(headerBytes);
  await file.read(header, 0, headerBytes, 0);
  const isKnown = (header.readBigUInt64BE(72) & ~harmlessFeatures) === 0n;
  if (!isKnown || (await backingPath(path)) !== expected.path)
    throw new Error(`the disk ${path} does not stand on ${expected.path}, as it was made to`);
}

/** Rejects where an image is no qcow2 of this size that stands on nothing, and keeps its data in itself. */
export async function checkStandsAlone(path: string, virtualBytes: number): Promise<void> {
  const header = await checkedHeader(path, virtualBytes);
  if (header.readBigUInt64BE(8) !== 0n) throw new Error("its disk stands on another file");
}

/** The same, but of one that stands on this. */
export async function checkStandsOn(path: string, expected: Backing, virtualBytes: number): Promise<void> {
  await checkedHeader(path, virtualBytes);
  await checkBacking(path, expected);
}

/** Nothing was written to it since `writeOverlay`: QEMU makes a file longer with the first cluster. */
export async function isUnwritten(path: string): Promise<boolean> {
  return (await stat(path)).size === clusters.end * clusterBytes;
}

async function checkedHeader(path: string, virtualBytes: number): Promise<Buffer> {
  await using file = await open(path, "r");
  const header = Buffer.alloc(headerBytes);
  const { bytesRead } = await file.read(header, 0, headerBytes, 0);
  const isImage = bytesRead === headerBytes && header.toString("latin1", 0, magic.length) === magic;
  if (!isImage || header.readUInt32BE(4) !== 3) throw new Error("its disk is no qcow2 image of version 3");
  if (header.readUInt32BE(32) !== 0) throw new Error("its disk is encrypted");
  if ((header.readBigUInt64BE(72) & ~harmlessFeatures) !== 0n)
    throw new Error("its disk has features that are not known");
  const claimed = header.readBigUInt64BE(24);
  if (claimed !== BigInt(virtualBytes)) throw new Error(`its disk has ${claimed} bytes, not ${virtualBytes}`);
  return header;
}

/** The image's bytes up to its last one that is not zero. */
export function overlayImage(backing: Backing, virtualBytes: number): Buffer {
  const tables = Math.ceil(virtualBytes / bytesPerTable);
  if (virtualBytes <= 0 || tables * 8 > clusterBytes)
    throw new RangeError(`a disk of ${virtualBytes} bytes is too large`);
  const image = Buffer.alloc(clusters.refcountBlock * clusterBytes + clusters.end * 2);
  writeHeader(image, { backing, virtualBytes, tables });
  image.writeBigUInt64BE(BigInt(clusters.refcountBlock * clusterBytes), clusters.refcountTable * clusterBytes);
  for (let cluster = 0; cluster < clusters.end; cluster++) {
    image.writeUInt16BE(1, clusters.refcountBlock * clusterBytes + cluster * 2);
  }
  return image;
}

interface Header {
  readonly backing: Backing;
  readonly virtualBytes: number;
  readonly tables: number;
}

function writeHeader(image: Buffer, { backing, virtualBytes, tables }: Header): void {
  const path = Buffer.from(backing.path);
  if (path.length > longestBackingPath) throw new RangeError(`the path ${backing.path} is too long for a qcow2 header`);
  const format = Buffer.from(backing.format);
  const pathAt = headerBytes + 16 + 8;
  image.write(magic, 0, "latin1");
  image.writeUInt32BE(3, 4);
  image.writeBigUInt64BE(BigInt(pathAt), 8);
  image.writeUInt32BE(path.length, 16);
  image.writeUInt32BE(clusterBits, 20);
  image.writeBigUInt64BE(BigInt(virtualBytes), 24);
  image.writeUInt32BE(tables, 36);
  image.writeBigUInt64BE(BigInt(clusters.firstTable * clusterBytes), 40);
  image.writeBigUInt64BE(BigInt(clusters.refcountTable * clusterBytes), 48);
  image.writeUInt32BE(1, 56);
  image.writeUInt32BE(4, 96);
  image.writeUInt32BE(headerBytes, 100);
  image.writeUInt32BE(backingFormatExtension, headerBytes);
  image.writeUInt32BE(format.length, headerBytes + 4);
  format.copy(image, headerBytes + 8);
  path.copy(image, pathAt);
}
