import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Image } from "@alcove/contract";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildOptions } from "./build.js";
import { createImages } from "./images.js";
import { diskName, manifestName } from "./manifest.js";
import type { NamedRecipe } from "./recipe.js";

let root = "";
const idle = new AbortController().signal;
const recipe = {
  description: "",
  suite: "bookworm",
  components: ["main"],
  packages: [],
  environment: {},
  warm: [["true"]],
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "alcove-images-"));
  await mkdir(join(root, "recipes/small"), { recursive: true });
  await writeFile(join(root, "recipes/small/recipe.json"), JSON.stringify({ ...recipe, buildSpaceMiB: 1 }));
});
afterEach(() => rm(root, { recursive: true }));

/** Stores an image as a real build does, at the moment that a test says. */
class ControlledBuild {
  count = 0;
  readonly #moment = withResolvers();

  readonly build = async (directory: string, { name, recipeDigest }: NamedRecipe, options: BuildOptions) => {
    this.count += 1;
    options.onLine("a line");
    options.onStep({ message: "Halfway", progress: 0.5 });
    const aborted = new Promise((_, reject) =>
      options.signal.addEventListener("abort", () => reject(new Error("killed"))),
    );
    await Promise.race([this.#moment.promise, aborted]);
    const image = join(directory, `${name}-1`);
    await mkdir(image, { recursive: true });
    await writeFile(join(image, diskName), "disk");
    const builtAt = new Date().toISOString();
    const manifest = { name, recipeDigest, digest: "d1", builtAt, sizeBytes: 4, packages: [] };
    await writeFile(join(image, manifestName), JSON.stringify(manifest));
  };

  finish(): void {
    this.#moment.resolve();
  }

  fail(error: Error): void {
    this.#moment.promise.catch(() => undefined);
    this.#moment.reject(error);
  }
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function open(build: ControlledBuild) {
  return createImages({ directory: join(root, "built"), recipesDirectory: join(root, "recipes"), build: build.build });
}

test("callers at once share one build, and a later daemon finds it built", async () => {
  const build = new ControlledBuild();
  const images = await open(build);
  const states: string[] = [];
  images.onChange((image: Image) => states.push(`${image.state} ${image.progress}`));
  const both = [images.ensure("small", idle), images.ensure("small", idle)];
  await expect.poll(async () => (await images.get("small")).message).toBe("Halfway");
  build.finish();
  const [first, second] = await Promise.all(both);
  expect(first).toEqual({ name: "small", digest: "d1", path: join(root, "built/small-1", diskName), warm: [["true"]] });
  expect(second).toEqual(first);
  expect(build.count).toBe(1);
  expect(states).toEqual(["Building 0", "Building 0.5", "Ready 1"]);
  expect((await images.get("small")).log).toBe("a line\n");
  expect(await (await open(build)).ensure("small", idle)).toEqual(first);
  expect(build.count).toBe(1);
});

test("a caller that goes away leaves the build to the others; the last one ends it, and the next begins anew", async () => {
  const build = new ControlledBuild();
  const images = await open(build);
  const [one, two] = [new AbortController(), new AbortController()];
  const first = images.ensure("small", one.signal);
  const second = images.ensure("small", two.signal);
  await expect.poll(() => build.count).toBe(1);
  one.abort(new Error("one left"));
  await expect(first).rejects.toThrow("one left");
  expect((await images.get("small")).state).toBe("Building");
  two.abort(new Error("two left"));
  await expect(second).rejects.toThrow("two left");
  expect((await images.get("small")).state).toBe("Missing");
  build.finish();
  expect((await images.ensure("small", idle)).digest).toBe("d1");
  expect(build.count).toBe(2);
});

test("a failed build says why, and what to do", async () => {
  const build = new ControlledBuild();
  const images = await open(build);
  const wanted = images.ensure("small", idle);
  build.fail(new Error("no mirror answers"));
  await expect(wanted).rejects.toMatchObject({
    code: "ImageNotReady",
    message: "The image small could not be built: no mirror answers",
  });
  expect(await images.get("small")).toMatchObject({ state: "Failed", message: "no mirror answers" });
});

test("an image that no recipe makes is not found, and the error lists those that are", async () => {
  const images = await open(new ControlledBuild());
  await expect(images.ensure("smal", idle)).rejects.toMatchObject({ code: "ImageNotFound", value: "smal" });
  await expect(images.get("smal")).rejects.toThrow("There is no image smal; there are: small.");
});

test("a changed recipe makes the built image missing", async () => {
  const build = new ControlledBuild();
  build.finish();
  await (await open(build)).ensure("small", idle);
  const changed = { ...recipe, packages: ["less"], buildSpaceMiB: 1 };
  await writeFile(join(root, "recipes/small/recipe.json"), JSON.stringify(changed));
  expect((await (await open(build)).get("small")).state).toBe("Missing");
});

test("a recipe with an unknown field or an option for a package name is refused by name", async () => {
  const path = join(root, "recipes/small/recipe.json");
  await writeFile(path, JSON.stringify({ ...recipe, buildSpaceMiB: 1, packages: ["--hook=x"], extra: 1 }));
  await expect(open(new ControlledBuild())).rejects.toThrow(/recipe\.json is no recipe:[\s\S]*extra[\s\S]*packages/);
});

test("a build that needs more room than there is fails with DiskFull before it starts", async () => {
  const path = join(root, "recipes/small/recipe.json");
  await writeFile(path, JSON.stringify({ ...recipe, buildSpaceMiB: 1_000_000_000 }));
  const images = await createImages({ directory: join(root, "built"), recipesDirectory: join(root, "recipes") });
  await expect(images.ensure("small", idle)).rejects.toMatchObject({ code: "DiskFull" });
});
