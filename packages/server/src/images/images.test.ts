import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Workbench } from "./content-build.js";
import { diskName } from "./contents.js";
import type { BuildOptions, Images } from "./image.js";
import { createImages } from "./images.js";
import type { NamedRecipe } from "./recipe.js";
import { notedDisk } from "./test-layer-disk.js";

let root = "";
const idle = new AbortController().signal;
const recipe = {
  description: "",
  suite: "bookworm",
  components: ["main"],
  packages: [],
  environment: { LANG: "C.UTF-8" },
  warm: [["true"]],
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "alcove-images-"));
  await mkdir(join(root, "recipes/small"), { recursive: true });
  await writeFile(join(root, "recipes/small/recipe.json"), JSON.stringify({ ...recipe, buildSpaceMiB: 1 }));
});
afterEach(() => rm(root, { recursive: true }));

/** Makes a content as a real build does, at the moment that a test says. */
class ControlledBuild {
  count = 0;
  readonly #moment = withResolvers();

  readonly build = async ({ contents }: Workbench, { recipeDigest, warm }: NamedRecipe, options: BuildOptions) => {
    this.count += 1;
    options.onStep({ message: "Halfway", progress: 0.5 });
    const aborted = new Promise((_, reject) =>
      options.signal.addEventListener("abort", () => reject(new Error("killed"))),
    );
    await Promise.race([this.#moment.promise, aborted]);
    const folder = join(contents.directory, `making-${this.count}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, diskName), "disk");
    const builtAt = new Date().toISOString();
    return contents.adopt(folder, { key: recipeDigest, digest: "d1", builtAt, sizeBytes: 4, warm, parts: [] });
  };

  finish(): void {
    this.#moment.resolve();
  }
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}

function open(build: ControlledBuild, catalogueFile?: string) {
  return createImages({
    directory: join(root, "built"),
    recipesDirectory: join(root, "recipes"),
    buildRecipe: build.build,
    ...(catalogueFile !== undefined && { catalogueFile }),
  });
}

function originOf(images: Images, name: string) {
  const origin = images.catalogue.get(name)?.origin;
  if (origin?.kind !== "recipe") throw new Error(`no recipe ${name}`);
  return origin;
}

function ensure(images: Images, signal: AbortSignal, steps: string[] = []) {
  return images.build(originOf(images, "small"), {
    signal,
    onStep: ({ message }) => steps.push(message),
    onLine: () => undefined,
    onContent: (key) => steps.push(key.slice(0, 3)),
  });
}

test("callers at once share one build, and a later daemon finds it built", async () => {
  const build = new ControlledBuild();
  const images = await open(build);
  const steps: string[] = [];
  const key = originOf(images, "small").recipe.recipeDigest;
  const both = [ensure(images, idle, steps), ensure(images, idle)];
  await expect.poll(() => steps).toEqual([key.slice(0, 3), "Halfway"]);
  build.finish();
  const [first, second] = await Promise.all(both);
  const path = join(root, "built", key, diskName);
  expect(first?.content).toMatchObject({ key, digest: "d1", path, warm: [["true"]], sizeBytes: 4 });
  expect(first?.config).toMatchObject({ environment: { LANG: "C.UTF-8" }, cmd: [] });
  expect(second).toEqual(first);
  expect(await ensure(await open(build), idle)).toEqual(first);
  expect(build.count).toBe(1);
});

test("a caller that goes away leaves the build to the others; the last one ends it, and the next begins anew", async () => {
  const build = new ControlledBuild();
  const images = await open(build);
  const [one, two] = [new AbortController(), new AbortController()];
  const first = ensure(images, one.signal);
  const second = ensure(images, two.signal);
  await expect.poll(() => build.count).toBe(1);
  one.abort(new Error("one left"));
  await expect(first).rejects.toThrow("one left");
  two.abort(new Error("two left"));
  await expect(second).rejects.toThrow("two left");
  build.finish();
  expect((await ensure(images, idle)).content.digest).toBe("d1");
  expect(build.count).toBe(2);
});

test("contents that nobody wants are removed, the others stay", async () => {
  const build = new ControlledBuild();
  build.finish();
  const images = await open(build);
  const { content } = await ensure(images, idle);
  expect(await images.collect(() => true)).toEqual({ count: 0, freedBytes: 0 });
  expect(await images.find(content.key)).toEqual(content);
  expect(await images.collect(() => false)).toEqual({ count: 1, freedBytes: 4 });
  expect(await images.find(content.key)).toBeUndefined();
});

test("two collections at once do not stand in each other's way", async () => {
  const build = new ControlledBuild();
  build.finish();
  const images = await open(build);
  await ensure(images, idle);
  const both = await Promise.all([images.collect(() => false), images.collect(() => false)]);
  expect(both.map(({ count }) => count).sort()).toEqual([0, 1]);
});

test("a changed recipe makes another content", async () => {
  const build = new ControlledBuild();
  build.finish();
  await ensure(await open(build), idle);
  const changed = { ...recipe, packages: ["less"], buildSpaceMiB: 1 };
  await writeFile(join(root, "recipes/small/recipe.json"), JSON.stringify(changed));
  const images = await open(build);
  expect(await images.find(originOf(images, "small").recipe.recipeDigest)).toBeUndefined();
});

test("a recipe with an unknown field or an option for a package name is refused by name", async () => {
  const path = join(root, "recipes/small/recipe.json");
  await writeFile(path, JSON.stringify({ ...recipe, buildSpaceMiB: 1, packages: ["--hook=x"], extra: 1 }));
  await expect(open(new ControlledBuild())).rejects.toThrow(/recipe\.json is no recipe:[\s\S]*extra[\s\S]*packages/);
});

test("without an engine that makes disks nothing of a recipe is begun", async () => {
  const images = await createImages({ directory: join(root, "built"), recipesDirectory: join(root, "recipes") });
  await expect(ensure(images, idle)).rejects.toMatchObject({ code: "EngineUnavailable" });
});

test("a build that needs more room than there is fails with DiskFull before it starts", async () => {
  const path = join(root, "recipes/small/recipe.json");
  await writeFile(path, JSON.stringify({ ...recipe, buildSpaceMiB: 1_000_000_000 }));
  const images = await createImages({
    ...{ directory: join(root, "built"), recipesDirectory: join(root, "recipes") },
    openDisk: notedDisk().open,
  });
  await expect(ensure(images, idle)).rejects.toMatchObject({ code: "DiskFull" });
});

test("an administrator's catalogue adds names and replaces those that come with Alcove", async () => {
  await writeFile(
    join(root, "recipes/catalogue.json"),
    JSON.stringify({ python: { description: "ours", imageUrl: "library/python:3" } }),
  );
  const own = join(root, "own.json");
  const tools = { description: "tools", imageUrl: "registry.example.com/team/tools:1" };
  await writeFile(own, JSON.stringify({ tools, python: { description: "theirs", imageUrl: "mirror/python:3" } }));
  const { catalogue } = await open(new ControlledBuild(), own);
  expect([...catalogue.keys()].sort()).toEqual(["python", "small", "tools"]);
  expect(catalogue.get("python")).toMatchObject({ description: "theirs", origin: { imageUrl: "mirror/python:3" } });
});

test.each([
  ['{"Bad Name": {"description": "x", "imageUrl": "x/y"}}', /is no catalogue/],
  ['{"x": {"description": "x", "imageUrl": "x/y", "token": "t"}}', /token/],
  ["{", /is no JSON/],
])("a catalogue that is not one keeps the daemon from starting: %s", async (text, problem) => {
  const own = join(root, "own.json");
  await writeFile(own, text);
  await expect(open(new ControlledBuild(), own)).rejects.toThrow(problem);
});
