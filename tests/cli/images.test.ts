/** The commands about images as real processes, against a real daemon with the fake engine, which unpacks layers too. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { layerOf } from "../../packages/server/src/engines/suite/layers.js";
import { dockerArchive, makeImage } from "../../packages/server/src/images/oci/test-image.js";
import { startRegistry, type TestRegistry } from "../../packages/server/src/images/registry/test-registry.js";
import { withResolvers } from "../../packages/server/src/lib/with-resolvers.js";
import { TestDaemon } from "../harness/daemon.js";
import { type CliOptions, runCli } from "./run-cli.js";

const layer = layerOf({ path: "etc/" }, { path: "etc/motd", content: "from the image\n" });
const image = makeImage({ layers: [layer], config: { Env: ["COLOUR=blue"], WorkingDir: "/etc" } });
let place: string;
let daemon: TestDaemon;
let registry: TestRegistry;
/** The registry gives nothing before: a pull may otherwise be over when the command first asks how far it is. */
const { promise: progressSeen, resolve: seeProgress } = withResolvers<void>();

const cli = (words: readonly string[], options: Partial<CliOptions> = {}) =>
  runCli(words, {
    environment: { ...daemon.clientEnvironment, DOCKER_HOST: `unix://${place}/docker.sock` },
    ...options,
  });

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-ci-"));
  daemon = await TestDaemon.start({ dataDirectory: join(place, "data"), environment: { ALCOVE_ENGINE: "fake" } });
  registry = await startRegistry({
    credentials: "ann:s3cret",
    onBlob(digest, response) {
      void progressSeen.then(() => response.end(image.blobs.get(digest)));
      return true;
    },
  });
  registry.serve(image);
}, 60_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await rm(place, { recursive: true });
});

test("pull with credentials from standard input, run it, and be told who uses it", async () => {
  const reference = `${registry.host}/team/tools:1`;
  const refused = await cli(["image", "pull", reference]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(/wants credentials[\s\S]*hint: Give credentials/);
  const pulled = await cli(["image", "pull", reference, "-u", "ann", "--password-stdin"], {
    input: "s3cret\n",
    onStart: (child) => {
      let said = "";
      child.stderr?.on("data", (chunk) => {
        said += chunk;
        if (/Asking the registry|Pulling/.test(said)) seeProgress();
      });
    },
  });
  expect(pulled).toMatchObject({ code: 0 });
  expect(pulled.stderr).toMatch(/Built\. \(100 %\)\n$/);
  expect(pulled.stdout).toMatch(/^name +team\/tools:1$/m);
  expect((await cli(["run", "team/tools:1", "--", "sh", "-c", 'cat motd; echo "$COLOUR"'])).stdout).toBe(
    "from the image\nblue\n",
  );
  const id = (await cli(["create", "-q", "team/tools:1"])).stdout.trim();
  const kept = await cli(["image", "rm", "team/tools:1"]);
  expect(kept.code).toBe(1);
  expect(kept.stderr).toContain(`1 sandbox stands on the image team/tools:1: ${id}.`);
  await cli(["delete", id]);
  expect(await cli(["image", "rm", "team/tools:1"])).toMatchObject({ code: 0, stdout: "team/tools:1\n" });
});

test("what is not the group's own is not said to be deleted", async () => {
  const outcome = await cli(["image", "rm", "debian", "nope"]);
  expect(outcome).toMatchObject({ code: 1, stdout: "" });
  expect(outcome.stderr).toContain("The image debian is the catalogue's; no group can delete it.\nhint: ");
  expect(outcome.stderr).toContain("There is no image nope");
});

test("import an archive, a directory, standard input and Docker's image; list and prune", async () => {
  const archive = dockerArchive(image);
  await writeFile(join(place, "tools.tar"), archive);
  await mkdir(join(place, "root/etc"), { recursive: true });
  await writeFile(join(place, "root/etc/motd"), "from a directory\n");
  const docker = createServer((request, response) => {
    if (request.url === "/images/tools%3A1/get") response.end(archive);
    else response.writeHead(404).end('{"message":"No such image: nosuch"}');
  }).listen(join(place, "docker.sock"));
  for (const [name, words, input] of [
    ["file", [join(place, "tools.tar")], ""],
    ["directory", [join(place, "root")], ""],
    ["piped", ["-"], archive],
    ["docker", ["--docker", "tools:1"], ""],
  ] as const) {
    expect(await cli(["image", "import", name, "-q", ...words], { input })).toMatchObject({
      code: 0,
      stdout: `${name}\n`,
    });
  }
  expect((await cli(["run", "directory", "cat", "/etc/motd"])).stdout).toBe("from a directory\n");
  const missing = await cli(["image", "import", "x", "--docker", "nosuch"]);
  expect(missing.stderr).toContain("The Docker engine does not give nosuch: No such image: nosuch.");
  docker.close();
  const listed = (await cli(["image", "ls"])).stdout;
  expect(listed).toMatch(/^docker +Ready +\d+ MiB +archive/m);
  expect(listed).toMatch(/^alpine +Missing +catalogue/m);
  const broken = await cli(["image", "import", "broken", join(place, "root/etc/motd")]);
  expect(broken.stderr).toMatch(/^error: The bytes are no tar archive/m);
  expect((await cli(["image", "get", "broken"])).code).toBe(1);
  const pruned = (await cli(["image", "prune"])).stdout.trim().split("\n").sort();
  expect(pruned).toEqual(["directory", "docker", "file", "piped"]);
});

test("a reference without a registry says which key to set, and a public name starts nothing without it", async () => {
  const { stderr } = await cli(["image", "pull", "python:3.13"]);
  expect(stderr).toMatch(/names no registry[\s\S]*hint: .*catalogueRegistry/);
  const run = await cli(["run", "alpine", "true"]);
  expect(run.code).not.toBe(0);
  expect(run.stderr).toMatch(/catalogueRegistry/);
});
