/**
 * The file that a snapshot is exported to: a tar of manifest.json, which says what follows, and then just those files. It is read as
 * something that anybody may have made: every byte of it is where this file puts it, or it is refused.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  AlcoveError,
  CreateSandbox,
  EgressPolicy,
  faultWords,
  ImageConfig,
  ImageName,
  Labels,
  normalizeHost,
  SandboxId,
} from "@alcove/contract";
import { Header } from "tar";
import { z } from "zod";
import { parseJson } from "../../lib/parse-json.js";
import { ByteReader } from "./byte-reader.js";

const blockBytes = 512;
/** As many names as a sandbox may know, and a policy with as many rules as there may be. */
const longestManifestBytes = 16 * 1_048_576;
const mostNames = 16_384;
/** Tools fill the last record of a tar with zeros. */
const longestEndBytes = 20 * blockBytes;
const manifestName = "manifest.json";
const readBytes = 1_048_576;

const Part = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9.-]{0,31}$/),
  sizeBytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const { environment, entrypoint, cmd, entrypointSecrets, workingDirectory, lifecycle } = CreateSandbox.shape;

/** How what is in it is run, as a sandbox's record has it. */
const Start = z.strictObject({
  imageConfig: ImageConfig.partial(),
  environment: environment.unwrap(),
  askedProgram: z.strictObject({ entrypoint, cmd }),
  entrypoint: entrypoint.unwrap(),
  cmd: cmd.unwrap(),
  entrypointSecrets: entrypointSecrets.unwrap(),
  workingDirectory,
  entrypointExecId: z.uuid().optional(),
  lifecycle: lifecycle.unwrap(),
});

/** What a sandbox might reach, and the names that its memory has addresses of. */
const Egress = z.strictObject({
  policy: EgressPolicy,
  names: z
    .array(z.strictObject({ index: z.int().min(1).max(mostNames), name: z.string().min(1).max(253).refine(isNormal) }))
    .max(mostNames),
});

function isNormal(name: string): boolean {
  return normalizeHost(name)?.host === name;
}

export const ArchiveManifest = z.strictObject({
  format: z.literal("alcove-snapshot"),
  formatVersion: z.literal(1),
  /** Of the Alcove that made it. */
  version: z.string().max(64),
  createdAt: z.iso.datetime(),
  engine: z.string().max(32),
  snapshot: z.strictObject({
    id: SandboxId,
    name: z.string().min(1).max(128).optional(),
    labels: Labels,
    sandboxId: SandboxId,
    takenAt: z.iso.datetime(),
    image: ImageName,
    size: z.strictObject({
      cpuMillicores: z.int().min(1).max(1_000_000),
      memoryMiB: z.int().min(1).max(16_777_216),
      diskMiB: z.int().min(1).max(16_777_216),
    }),
    start: Start,
    /** Nothing, where an older Alcove made it. */
    egress: Egress.optional(),
  }),
  /** The engine's. */
  facts: z.unknown(),
  parts: z.array(Part).min(1).max(8),
});
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;

/** Its size and checksum. */
export async function describePart(
  directory: string,
  name: string,
  signal: AbortSignal,
): Promise<z.infer<typeof Part>> {
  const hash = createHash("sha256");
  const path = join(directory, name);
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes, signal })) hash.update(chunk);
  return { name, sizeBytes: (await stat(path)).size, sha256: hash.digest("hex") };
}

/** The archive's bytes, and how many they are. */
export function writeArchive(manifest: ArchiveManifest, directory: string) {
  const text = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
  const before = Buffer.concat([header(manifestName, text.length), text, padding(text.length)]);
  const after = Buffer.alloc(2 * blockBytes);
  const parts = manifest.parts.reduce((sum, { sizeBytes }) => sum + blockBytes + paddedBytes(sizeBytes), 0);
  const chunks = async function* () {
    yield before;
    for (const { name, sizeBytes } of manifest.parts) {
      yield header(name, sizeBytes);
      yield* createReadStream(join(directory, name), { highWaterMark: readBytes });
      yield padding(sizeBytes);
    }
    yield after;
  };
  return { chunks: chunks(), sizeBytes: before.length + parts + after.length };
}

/** Calls `accept` with the manifest before it takes anything else, and writes the files into the directory. */
export async function readArchive(
  content: AsyncIterable<Uint8Array>,
  directory: string,
  accept: (manifest: ArchiveManifest) => Promise<void>,
): Promise<ArchiveManifest> {
  await using reader = new ByteReader(content, (read) => refuse(`it breaks off after ${read} bytes`));
  const manifest = await readManifest(reader);
  await accept(manifest);
  for (const part of manifest.parts) await readPart(reader, part, directory);
  await readEnd(reader);
  return manifest;
}

async function readManifest(reader: ByteReader): Promise<ArchiveManifest> {
  const sizeBytes = await readHeader(reader, manifestName);
  if (sizeBytes > longestManifestBytes) refuse(`its ${manifestName} has ${sizeBytes} bytes`);
  const text = (await reader.take(sizeBytes)).toString();
  await readPadding(reader, sizeBytes);
  const found = manifestIn(text);
  requireVersion(found);
  const { data, error } = ArchiveManifest.safeParse(found, { error: faultWords });
  if (data === undefined) {
    const [issue] = error.issues;
    return refuse(`its ${manifestName} is not one of a snapshot: ${issue?.path.join(".")} ${issue?.message}`);
  }
  if (new Set(data.parts.map(({ name }) => name)).size < data.parts.length) refuse("it names a file twice");
  return data;
}

function manifestIn(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return refuse(`its ${manifestName} is no JSON`);
  }
}

function requireVersion(found: unknown): void {
  const { format, formatVersion, version } = z
    .object({ format: z.unknown(), formatVersion: z.unknown(), version: z.unknown() })
    .partial()
    .catch({})
    .parse(found);
  if (format !== "alcove-snapshot") refuse(`its ${manifestName} is not one of a snapshot`);
  if (formatVersion === 1) return;
  const seen = `version ${String(formatVersion).slice(0, 20)}, written by Alcove ${String(version).slice(0, 20)}`;
  throw new AlcoveError("InvalidRequest", `The archive has ${seen}; this Alcove reads version 1.`, {
    field: "body",
    hint: "Import it with the Alcove that wrote it, or a newer one.",
  });
}

async function readPart(reader: ByteReader, part: z.infer<typeof Part>, directory: string): Promise<void> {
  const { name, sizeBytes, sha256 } = part;
  const found = await readHeader(reader, name);
  if (found !== sizeBytes) refuse(`its ${name} has ${found} bytes; its manifest says ${sizeBytes}`);
  const hash = createHash("sha256");
  await using file = await open(join(directory, name), "wx", 0o600);
  for await (const chunk of reader.pass(sizeBytes)) {
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  if (hash.digest("hex") !== sha256) refuse(`its ${name} is not the one that its manifest describes`);
  await file.sync();
  await readPadding(reader, sizeBytes);
}

/** Answers the size of the one file that may stand here. */
async function readHeader(reader: ByteReader, name: string): Promise<number> {
  const block = await reader.take(blockBytes);
  const { cksumValid, path, size, type } = new Header(block);
  if (!cksumValid) refuse(`where its ${name} should begin there is no tar header`);
  if (path !== name || type !== "File")
    refuse(`where its ${name} should be it has ${JSON.stringify(String(path).slice(0, 100))}`);
  return Number.isSafeInteger(size) && size !== undefined && size >= 0 ? size : refuse(`its ${name} has no size`);
}

async function readPadding(reader: ByteReader, sizeBytes: number): Promise<void> {
  requireZeros(await reader.take(paddedBytes(sizeBytes) - sizeBytes));
}

async function readEnd(reader: ByteReader): Promise<void> {
  requireZeros(await reader.take(2 * blockBytes));
  let left = longestEndBytes;
  for await (const chunk of reader.rest()) {
    left -= chunk.length;
    if (left < 0) refuse("it goes on behind its end");
    requireZeros(chunk);
  }
}

function requireZeros(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) refuse("it has more in it than its manifest says");
}

function header(path: string, size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  new Header({ path, size, mode: 0o600, type: "File", uid: 0, gid: 0, mtime: new Date() }).encode(block);
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc(paddedBytes(size) - size);
}

function paddedBytes(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

function refuse(why: string): never {
  throw new AlcoveError(
    "InvalidRequest",
    `The bytes are no whole archive of a snapshot: ${why}. Nothing is kept of it.`,
    {
      field: "body",
      hint: "Send the file again, or export it anew: `alcove snapshot export`.",
    },
  );
}
