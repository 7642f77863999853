/** Pulls with the real skopeo from a registry in this process, honest and hostile. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layerOf } from "../../engines/suite/layers.js";
import { findProcesses } from "../../host/processes.js";
import { run } from "../../host/run.js";
import type { Images } from "../image.js";
import { createImages, type ImagesOptions } from "../images.js";
import { hostArchitecture } from "../oci/platform.js";
import { digestOf, type MadeImage, makeImage, makeIndex } from "../oci/test-image.js";
import { type NotedDisk, notedDisk } from "../test-layer-disk.js";
import { type RegistryFaults, startRegistry } from "./test-registry.js";

const lower = layerOf({ path: "etc/" }, { path: "etc/motd", content: "hello" });
const upper = layerOf({ path: "etc/.wh.motd" }, { path: "etc/issue", content: "x".repeat(10_000) });
const good = () =>
  makeImage({ layers: [lower, upper], config: { Cmd: ["sh"], Env: ["A=1"], User: "65532", WorkingDir: "/srv" } });

let place: string;
let disk: NotedDisk;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-pull-"));
  await mkdir(join(place, "recipes"));
  disk = notedDisk();
});
afterEach(() => rm(place, { recursive: true, force: true }));

function open(options: Partial<ImagesOptions> = {}): Promise<Images> {
  return createImages({
    ...{ directory: join(place, "images"), recipesDirectory: join(place, "recipes"), openDisk: disk.open },
    ...options,
  });
}

interface Pull {
  readonly images?: Images;
  readonly credentials?: { readonly username: string; readonly token: string };
  readonly signal?: AbortSignal;
  readonly log?: string[];
  readonly isAdministrators?: boolean;
}

async function pull(imageUrl: string, { images, credentials, signal, log = [], isAdministrators = true }: Pull = {}) {
  return (images ?? (await open())).build(
    { kind: "registry", imageUrl, isAdministrators, ...(credentials && { credentials }) },
    {
      signal: signal ?? AbortSignal.timeout(15_000),
      onStep: ({ message }) => log.push(message),
      onLine: (line) => log.push(line),
      onContent: () => undefined,
    },
  );
}

/** What a build leaves beside contents. */
async function left(): Promise<string[]> {
  const names = await readdir(join(place, "images")).catch(() => []);
  return names.filter((name) => !/^[0-9a-f]{64}$/.test(name));
}

test("an image comes with its layers in order, and with what it says about itself", async () => {
  await using registry = await startRegistry();
  const image = good();
  registry.serve(image);
  const built = await pull(`${registry.host}/team/tools:1`);
  expect(disk.layers).toEqual([lower, upper]);
  expect(built.config).toEqual({
    ...{ entrypoint: [], cmd: ["sh"], environment: { A: "1" }, exposedPorts: [] },
    ...{ user: "65532", workingDirectory: "/srv", architecture: hostArchitecture },
  });
  expect(built.source).toMatchObject({ manifestDigest: image.manifestDigest });
  expect(await left()).toEqual([]);
});

test("layers may be compressed with zstd, or not at all", async () => {
  await using registry = await startRegistry();
  const { stdout: version } = await run("zstd", ["--version"]);
  expect(version).toContain("Zstandard");
  const zstd = await compressedByZstd(lower);
  registry.serve(makeImage({ layers: [lower], compress: () => zstd }));
  await pull(`${registry.host}/a:1`);
  registry.serve(makeImage({ layers: [upper], compress: (layer) => layer }));
  await pull(`${registry.host}/a:1`);
  expect(disk.layers).toEqual([lower, upper]);
});

async function compressedByZstd(bytes: Buffer): Promise<Buffer> {
  await writeFile(join(place, "layer"), bytes);
  await run("zstd", ["-q", join(place, "layer")]);
  return readFile(join(place, "layer.zst"));
}

test("of several kinds of machine this one's is taken; where it is missing, those that are there are named", async () => {
  await using registry = await startRegistry();
  const image = good();
  const other = makeImage({ layers: [upper], architecture: "s390x" });
  registry.serveIndex(
    makeIndex([
      { image: other, architecture: "s390x" },
      { image, architecture: hostArchitecture },
    ]),
    [other, image],
  );
  expect((await pull(`${registry.host}/multi`)).source.manifestDigest).toBe(image.manifestDigest);
  expect(disk.layers).toEqual([lower, upper]);
  registry.serveIndex(makeIndex([{ image: other, architecture: "s390x" }]), [other]);
  await expect(pull(`${registry.host}/multi`)).rejects.toThrow("has no image for linux/");
});

test("a second pull of the same layers shows that it may have them, and shares the disk", async () => {
  await using registry = await startRegistry();
  registry.serve(good());
  const images = await open();
  const [first, second] = [
    await pull(`${registry.host}/a:1`, { images }),
    await pull(`${registry.host}/b:1`, { images }),
  ];
  expect(second?.content).toEqual(first?.content);
  expect(disk.layers).toHaveLength(2);
  const blobs = registry.asked.filter((path) => path.includes("/b/blobs/"));
  expect(blobs.length).toBeGreaterThanOrEqual(3);
});

test("whoever claims another's layers without having them does not come to their disk", async () => {
  await using registry = await startRegistry();
  const images = await open();
  registry.serve(good());
  await pull(`${registry.host}/theirs:1`, { images });
  const diffIds = [lower, upper].map(digestOf);
  registry.serve(makeImage({ layers: [layerOf({ path: "a" }), layerOf({ path: "b" })], diffIds }));
  await expect(pull(`${registry.host}/mine:1`, { images })).rejects.toThrow("the image's config says");
  expect(await left()).toEqual([]);
});

test("credentials reach the registry and nothing else; without them the error says to give them", async () => {
  await using registry = await startRegistry({ credentials: "ann:s3cret-token" });
  registry.serve(good());
  const log: string[] = [];
  const url = `${registry.host}/private:1`;
  await expect(pull(url)).rejects.toMatchObject({
    code: "ImageNotReady",
    message: `The registry ${registry.host} wants credentials for this image.`,
    hint: expect.stringContaining("registryCredentials"),
  });
  await expect(pull(url, { credentials: { username: "ann", token: "wrong" } })).rejects.toMatchObject({
    hint: expect.stringContaining("did not take the credentials"),
  });
  const seen: string[][] = [];
  const watch = setInterval(() => {
    void findProcesses((argv) => argv.some((word) => word.includes("skopeo"))).then((found) =>
      seen.push(...found.map(({ argv }) => [...argv])),
    );
  }, 5);
  await pull(url, { credentials: { username: "ann", token: "s3cret-token" }, log });
  clearInterval(watch);
  expect(seen.length).toBeGreaterThan(0);
  expect(JSON.stringify([seen, log])).not.toContain("s3cret-token");
  expect(await left()).toEqual([]);
});

test("the credentials of whoever runs the daemon are not used for others", async () => {
  await using registry = await startRegistry({ credentials: "root:password" });
  registry.serve(good());
  await mkdir(join(place, "home/.docker"), { recursive: true });
  const auth = Buffer.from("root:password").toString("base64");
  const config = JSON.stringify({ auths: { [registry.host]: { auth } } });
  await writeFile(join(place, "home/.docker/config.json"), config);
  const before = process.env.HOME;
  process.env.HOME = join(place, "home");
  try {
    await expect(pull(`${registry.host}/private:1`)).rejects.toThrow("wants credentials");
  } finally {
    process.env.HOME = before;
  }
});

test.each([
  ["a tag that is not there", "/none:1", "has no such image"],
  ["a repository that no registry has", "/none/with/many/parts:1", "has no such image"],
  ["a digest that is not there", `/none@sha256:${"0".repeat(64)}`, "has no such image"],
])("%s is told as such", async (_name, path, sentence) => {
  await using registry = await startRegistry();
  await expect(pull(`${registry.host}${path}`)).rejects.toThrow(sentence);
});

test("a registry that nobody is at, and one that is not allowed, are told apart", async () => {
  await expect(pull("127.0.0.1:1/a:1")).rejects.toThrow("cannot be reached");
  const images = await open({ registries: { insecure: [], allowed: ["registry.example.com", "*.corp.example.com"] } });
  await expect(pull("127.0.0.1:1/a:1", { images })).rejects.toThrow("none of those that are allowed");
  for (const address of ["169.254.169.254/a", "[fe80::1]:5000/a", "0.0.0.0:5000/a", "[::ffff:169.254.169.254]:80/a"]) {
    await expect(pull(address)).rejects.toThrow("an address that no registry has");
  }
});

test("whoever is no administrator knocks at no port of this host, unless the configuration names it", async () => {
  await using registry = await startRegistry();
  registry.serve(good());
  const { port } = new URL(`http://${registry.host}`);
  const isAdministrators = false;
  for (const host of ["127.0.0.1", "localhost", "127.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]"]) {
    await expect(pull(`${host}:${port}/a:1`, { isAdministrators })).rejects.toThrow("on the daemon's own host");
  }
  expect(registry.asked).toEqual([]);
  for (const named of [{ insecure: [registry.host] }, { insecure: [], allowed: ["127.0.0.1"] }]) {
    const images = await open({ registries: named });
    await pull(`${registry.host}/a:1`, { images, isAdministrators });
  }
});

interface Hostility {
  readonly name: string;
  readonly image?: () => MadeImage;
  readonly faults?: RegistryFaults;
  readonly error: string | RegExp;
}

const announced = (bytes: number) => (layer: { digest: string; size: number }) => ({ ...layer, size: bytes });
const hostilities: readonly Hostility[] = [
  {
    name: "a layer with other bytes than its digest",
    faults: {
      onBlob: (digest, response) => {
        if (digest !== layerDigest()) return false;
        response.end(gzipSync(Buffer.from("something else")));
        return true;
      },
    },
    error: /[Dd]igest|did not match|size/,
  },
  {
    name: "a layer without end",
    faults: {
      onBlob: (digest, response) => {
        if (digest !== layerDigest()) return false;
        const flood = () => {
          while (!response.destroyed && response.write(Buffer.alloc(1_048_576)));
          if (!response.destroyed) response.once("drain", flood);
        };
        flood();
        return true;
      },
    },
    error: /sends more than the \d+ bytes that it announced/,
  },
  {
    name: "a layer larger than its manifest says",
    image: () => makeImage({ layers: [lower, upper], describe: announced(10) }),
    error: /more than its 10 bytes|size|digest/i,
  },
  {
    name: "a layer that no disk holds, by its manifest",
    image: () => makeImage({ layers: [lower], describe: announced(2 ** 50) }),
    error: "larger than any disk",
  },
  {
    name: "a layer that this disk has no room for, by its manifest",
    image: () => {
      const layers = Array.from({ length: 400 }, (_, index) => layerOf({ path: `file${index}` }));
      return makeImage({ layers, describe: announced(20 * 2 ** 30) });
    },
    error: /Pulling the image needs \d+ MiB free/,
  },
  {
    name: "a layer that is not what the config says",
    image: () => makeImage({ layers: [lower], diffIds: [digestOf(upper)] }),
    error: "the image's config says",
  },
  {
    name: "fewer layers in the config than in the manifest",
    image: () => makeImage({ layers: [lower, upper], diffIds: [digestOf(lower)] }),
    error: "has 1 layers, its manifest 2",
  },
  {
    name: "a gzip that breaks off",
    image: () => makeImage({ layers: [lower], compress: (layer) => gzipSync(layer).subarray(0, 40) }),
    error: "is gzip is broken or breaks off",
  },
  {
    name: "a manifest that is none",
    image: () => ({ ...good(), manifest: Buffer.from("<html>login</html>") }),
    error: /no JSON|manifest/,
  },
  {
    name: "a NUL in the program",
    image: () => makeImage({ layers: [lower], config: { Cmd: ["a\0b"] } }),
    error: "NUL",
  },
  { name: "an odd user", image: () => makeImage({ layers: [lower], config: { User: "a b\n" } }), error: "user" },
];

function layerDigest(): string {
  return digestOf(gzipSync(lower));
}

test.each(hostilities)("$name is refused, and leaves nothing", async ({ image = good, faults = {}, error }) => {
  await using registry = await startRegistry(faults);
  registry.serve(image());
  await expect(pull(`${registry.host}/bad:1`)).rejects.toThrow(error);
  expect(await left()).toEqual([]);
  expect(await findProcesses((argv) => argv.some((word) => word.includes(place)))).toEqual([]);
});

test("a registry that falls silent is given up, at whatever point; the caller may go sooner", async () => {
  const silent = { onRequest: () => true };
  await using registry = await startRegistry(silent);
  const signal = AbortSignal.timeout(300);
  await expect(pull(`${registry.host}/slow:1`, { signal })).rejects.toThrow("timeout");
  expect(await left()).toEqual([]);
  expect(await findProcesses((argv) => argv.some((word) => word.includes(place)))).toEqual([]);
});
