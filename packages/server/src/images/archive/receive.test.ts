/** What clients send: whole, broken, endless, or made to lead somewhere else. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { layerOf, streamOf } from "../../engines/suite/layers.js";
import { run } from "../../host/run.js";
import { layerStream } from "../oci/layer-stream.js";
import { digestOf, dockerArchive, makeImage, ociArchive } from "../oci/test-image.js";
import { receiveUpload } from "./receive.js";

const lower = layerOf({ path: "etc/" }, { path: "etc/motd", content: "hello" });
const upper = layerOf({ path: "etc/.wh.motd" }, { path: "etc/issue", content: "x".repeat(100_000) });
const image = makeImage({
  layers: [lower, upper],
  config: { Entrypoint: ["/server"], ExposedPorts: { "80/tcp": {} } },
});
const idle = new AbortController().signal;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-receive-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function receive(
  content: Buffer | AsyncIterable<Uint8Array>,
  format: "archive" | "tar" = "archive",
  more: object = {},
) {
  const chunks = Buffer.isBuffer(content) ? streamOf(content) : content;
  return receiveUpload(chunks, { directory, format, signal: idle, spareBytes: 0, ...more });
}

async function layersOf(content: Buffer, format: "archive" | "tar" = "archive"): Promise<Buffer[]> {
  await using upload = await receive(content, format);
  const found: Buffer[] = [];
  for (const layer of upload.image.layers) {
    const pieces: Uint8Array[] = [];
    for await (const piece of layerStream(layer, { signal: idle })) pieces.push(piece);
    found.push(Buffer.concat(pieces));
  }
  return found;
}

describe.each([
  ["an OCI archive", ociArchive(image)],
  ["an OCI archive, compressed", gzipSync(ociArchive(image))],
  ["a docker archive, with a link for a layer", dockerArchive(image)],
] as const)("%s", (_name, archive) => {
  test("gives its layers and its config, and its bytes are gone afterwards", async () => {
    {
      await using upload = await receive(archive);
      expect(upload.image.config).toMatchObject({ entrypoint: ["/server"], exposedPorts: ["80/tcp"] });
      expect(upload.image.source).toEqual({ kind: "archive" });
    }
    expect(await layersOf(archive)).toEqual([lower, upper]);
    expect(await readdir(directory)).toEqual([]);
  });
});

test("a root file system is one layer, known by its own digest, also when it was compressed with zstd", async () => {
  await writeFile(join(directory, "tree.tar"), lower);
  await run("zstd", ["-q", "--rm", join(directory, "tree.tar")]);
  const packed = await readFile(join(directory, "tree.tar.zst"));
  await using upload = await receive(packed, "tar");
  expect(upload.image.layers.map(({ diffId }) => diffId)).toEqual([digestOf(lower)]);
  expect(await layersOf(packed, "tar")).toEqual([lower]);
});

const endless = async function* () {
  yield ociArchive(image).subarray(0, 2_000);
  await new Promise(() => undefined);
};
const other = makeImage({ layers: [lower] });
const secret = { path: `blobs/sha256/${"f".repeat(64)}`, kind: "2" as const, target: "/etc/shadow" };

test.each([
  ["text", Buffer.from("no archive\n".repeat(100)), "no tar archive"],
  ["nothing", Buffer.alloc(0), "no tar archive"],
  ["an archive that is no image", layerOf({ path: "etc/motd", content: "x" }), "neither oci-layout nor manifest.json"],
  ["an archive that breaks off", ociArchive(image).subarray(0, 5_000), /breaks off|lacks|no tar header/],
  ["gzip that breaks off", gzipSync(ociArchive(image)).subarray(0, 400), "is gzip is broken or breaks off"],
  ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]), "compressed with xz"],
  ["a layer that is missing", layerOf({ path: "oci-layout", content: "{}" }, ...missingLayer()), "lacks blobs/sha256"],
  ["a manifest with another digest", tampered(), "has the digest"],
  ["a link out of the archive for a layer", linkedOut(), /lacks/],
  ["several images", severalImages(), "holds several images: tools:1, tools:2"],
  ["no image", layerOf({ path: "manifest.json", content: "[]" }), "names no image"],
  ["JSON that is none", layerOf({ path: "manifest.json", content: "[" }), "is no JSON"],
])("%s is refused with a sentence, and nothing is left", async (_name, content, sentence) => {
  await expect(receive(content)).rejects.toThrow(sentence);
  expect(await readdir(directory)).toEqual([]);
});

function missingLayer() {
  const descriptor = { digest: other.manifestDigest, size: other.manifest.length };
  return [
    { path: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }) },
    { path: `blobs/${other.manifestDigest.replace(":", "/")}`, content: other.manifest },
    { path: `blobs/${digestOf(other.config).replace(":", "/")}`, content: other.config },
  ];
}

function tampered(): Buffer {
  return layerOf(
    { path: "oci-layout", content: "{}" },
    {
      path: "index.json",
      content: JSON.stringify({ schemaVersion: 2, manifests: [{ digest: image.manifestDigest, size: 1 }] }),
    },
    { path: `blobs/${image.manifestDigest.replace(":", "/")}`, content: other.manifest },
  );
}

function linkedOut(): Buffer {
  const manifest = JSON.stringify([{ Config: "config.json", Layers: ["layer.tar"] }]);
  return layerOf(
    { path: "config.json", content: other.config },
    { path: "layer.tar", kind: "2", target: "../../../../etc/shadow" },
    { path: "manifest.json", content: manifest },
    secret,
  );
}

function severalImages(): Buffer {
  const one = (tag: string) => ({ Config: "config.json", RepoTags: [tag], Layers: [] });
  return layerOf({ path: "manifest.json", content: JSON.stringify([one("tools:1"), one("tools:2")]) });
}

test("bytes that stop coming are given up, with nothing left", async () => {
  await expect(receive(endless(), "archive", { stallMs: 200 })).rejects.toMatchObject({ code: "Timeout" });
  expect(await readdir(directory)).toEqual([]);
});

test("bytes without end stop where the disk has to stay free", async () => {
  const flood = async function* () {
    yield lower.subarray(0, 512);
    for (;;) yield Buffer.alloc(1_048_576);
  };
  await expect(receive(flood(), "tar", { spareBytes: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
    code: "DiskFull",
  });
  expect(await readdir(directory)).toEqual([]);
});

test("a layer that unpacks to more than a disk holds is refused while it unpacks", async () => {
  const bomb = gzipSync(Buffer.alloc(50 * 1_048_576));
  const layer = { diffId: digestOf(Buffer.alloc(0)), open: () => streamOf(bomb) };
  let bytes = 0;
  const unpacking = (async () => {
    for await (const chunk of layerStream(layer, { signal: idle, limitBytes: 1_048_576 })) bytes += chunk.length;
  })();
  await expect(unpacking).rejects.toThrow("unpacks to more than");
  expect(bytes).toBeLessThanOrEqual(1_048_576);
});
