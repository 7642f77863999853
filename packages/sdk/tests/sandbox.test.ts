import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Alcove, AlcoveError, ExecError, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;
let sandbox: Sandbox;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
  sandbox = await Sandbox.create({ image: "debian", env: { GREETING: "hello" }, labels: { test: "sdk" }, alcove });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

test("a sandbox that was created is deleted at the end of its scope; one that was found is not", async () => {
  let id: string;
  {
    await using created = await Sandbox.create({ image: "debian", alcove });
    id = created.id;
    {
      await using found = await Sandbox.get(id, { alcove });
      expect((await found.info()).state).toBe("Running");
    }
    expect((await created.info()).id).toBe(id);
  }
  await expect(Sandbox.get(id, { alcove })).rejects.toMatchObject({ code: "SandboxNotFound" });
});

test("a shell line and a program with arguments give exit code, output and time", async () => {
  expect(await sandbox.exec("echo out; echo err >&2; exit 3")).toMatchObject({
    exitCode: 3,
    stdout: "out\n",
    stderr: "err\n",
    timedOut: false,
    durationMs: expect.any(Number),
  });
  expect((await sandbox.exec(["echo", "a b", "$HOME"])).stdout).toBe("a b $HOME\n");
});

test("environment, directory, user, input and time reach the command", async () => {
  expect((await sandbox.exec('echo "$GREETING $X"', { env: { X: "1" } })).stdout).toBe("hello 1\n");
  expect((await sandbox.exec("pwd", { cwd: "/tmp" })).stdout).toBe("/tmp\n");
  expect((await sandbox.exec("cat", { stdin: "typed" })).stdout).toBe("typed");
  expect(await sandbox.exec(["sleep", "60"], { timeoutMs: 20 })).toMatchObject({ timedOut: true });
});

test("output beyond the limit is cut, counted, and the exit code is right", async () => {
  const result = await sandbox.exec("yes | head -c 1000000; exit 7", { outputLimitBytes: 1_000 });
  expect(result).toMatchObject({ exitCode: 7, stdoutTruncated: true, stdoutBytes: 1_000_000 });
  expect(result.stdout).toHaveLength(1_000);
});

test("with check a failure is thrown, with what was seen", async () => {
  const failing = sandbox.exec("echo broken >&2; exit 4", { check: true });
  const error = await failing.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ExecError);
  expect(error).toMatchObject({ result: { exitCode: 4 }, message: expect.stringMatching(/exited with 4:\nbroken$/) });
});

test("errors are the daemon's, with code, field and hint", async () => {
  const error = await sandbox.exec("ls", { cwd: "relative" }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AlcoveError);
  expect(error).toMatchObject({ code: "InvalidRequest", field: "workingDirectory", value: '"relative"' });
  await expect(Sandbox.create({ image: "nothing", alcove })).rejects.toMatchObject({ code: "ImageNotFound" });
});

test("aborting a command ends it in the sandbox", async () => {
  const controller = new AbortController();
  const running = sandbox.exec(["sleep", "4321"], { signal: controller.signal });
  await vi.waitFor(async () => expect(await commands()).toContain("sleep 4321"), { timeout: 20_000 });
  controller.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
});

test("sandboxes are listed over pages, filtered and counted", async () => {
  const made = await Promise.all(
    Array.from({ length: 101 }, () => Sandbox.create({ image: "debian", labels: { page: "many" }, alcove })),
  );
  const listed: string[] = [];
  for await (const { id } of Sandbox.list({ labels: { page: "many" }, alcove })) listed.push(id);
  expect(listed.sort()).toEqual(made.map(({ id }) => id).sort());
  expect(await Sandbox.count({ labels: { page: "many" }, state: "Running", alcove })).toBe(101);
  await Promise.all(made.map((each) => each.delete()));
  expect(await Sandbox.count({ labels: { page: "many" }, alcove })).toBe(0);
});

test("files are written, read, listed, moved and deleted", async () => {
  const { files } = sandbox;
  expect(await files.write("/tmp/d/text", "grüße", { createDirs: true, mode: 0o640 })).toBe(7);
  expect(await files.readText("/tmp/d/text")).toBe("grüße");
  expect(await files.stat("/tmp/d/text")).toMatchObject({ size: 7, mode: 0o640, isDir: false });
  expect(await files.read("/tmp/d/text", { offset: 2, length: 2 })).toEqual(new TextEncoder().encode("ü"));
  await files.mkdir("/tmp/d/e/f", { createParents: true });
  await files.move("/tmp/d/text", "/tmp/d/e/moved");
  expect((await files.list("/tmp/d/e")).map(({ name }) => name)).toEqual(["f", "moved"]);
  await files.delete("/tmp/d", { recursive: true });
  await expect(files.stat("/tmp/d")).rejects.toMatchObject({ code: "FileNotFound" });
});

test("a file is written from bytes, a blob and an iterable of text alike", async () => {
  async function* parts() {
    yield "a";
    await turn();
    yield new TextEncoder().encode("b");
  }
  for (const content of [new TextEncoder().encode("ab"), new Blob(["a", "b"]), parts()]) {
    await sandbox.files.write("/tmp/same", content);
    expect(await sandbox.files.readText("/tmp/same")).toBe("ab");
  }
});

test("a source that fails in the middle leaves the old file and throws its own error", async () => {
  await sandbox.files.write("/tmp/kept", "old");
  async function* failing() {
    yield new Uint8Array(300_000);
    await turn();
    throw new Error("the source broke");
  }
  await expect(sandbox.files.write("/tmp/kept", failing())).rejects.toThrow("the source broke");
  expect(await sandbox.files.readText("/tmp/kept")).toBe("old");
});

test("an upload that is refused stops in the middle with the daemon's error", async () => {
  let sent = 0;
  async function* endless() {
    for (;;) {
      sent += 65_536;
      yield new Uint8Array(65_536);
    }
  }
  const gone = Sandbox.connect("00000000-0000-4000-8000-000000000000", { alcove });
  await expect(gone.files.write("/tmp/x", endless())).rejects.toMatchObject({ code: "SandboxNotFound" });
  expect(sent).toBeLessThan(200_000_000);
});

test("a directory goes into the sandbox and comes back", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-sdk-"));
  try {
    await mkdir(join(directory, "in/sub"), { recursive: true });
    await writeFile(join(directory, "in/sub/a.txt"), "content");
    await sandbox.files.upload(join(directory, "in"), "/tmp/uploaded");
    expect(await sandbox.files.readText("/tmp/uploaded/sub/a.txt")).toBe("content");
    await sandbox.files.download("/tmp/uploaded", join(directory, "out"));
    expect(await readFile(join(directory, "out/sub/a.txt"), "utf8")).toBe("content");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("stats, processes and console are there", async () => {
  expect((await sandbox.stats()).memoryTotalBytes).toBeGreaterThan(0);
  expect(Array.isArray(await sandbox.processes())).toBe(true);
  expect(await sandbox.console()).toContain("is up");
});

test("images are listed, read and prepared", async () => {
  expect(await alcove.images.list()).toEqual([]);
  expect((await alcove.images.listPublic()).map(({ name }) => name)).toEqual(["debian"]);
  expect((await alcove.images.get("debian")).state).toBe("Ready");
  const seen: string[] = [];
  await alcove.images.prepare("debian", { onProgress: ({ state }) => seen.push(state) });
  expect(seen.at(-1)).toBe("Ready");
});

test("images are pulled, imported, used, kept while they are used, pruned and deleted", async () => {
  const credentials = { username: "ann", token: "t" };
  const seen: string[] = [];
  const pulled = await alcove.images.pull("registry.example.com:5000/team/tools:1", {
    ...{ credentials, labels: { team: "blue" } },
    onProgress: ({ state }) => seen.push(state),
  });
  expect(pulled).toMatchObject({ name: "team/tools:1", state: "Ready", source: { isAuthenticated: true } });
  expect(seen.at(-1)).toBe("Ready");
  await alcove.images.import("sent", Buffer.from("bytes"), { format: "tar", labels: { team: "red" } });
  expect((await alcove.images.list()).map(({ name }) => name)).toEqual(["sent", "team/tools:1"]);
  expect((await alcove.images.list({ labels: { team: "red" } })).map(({ name }) => name)).toEqual(["sent"]);
  const used = await Sandbox.create({ image: "sent", alcove });
  await expect(alcove.images.delete("sent")).rejects.toMatchObject({ code: "ImageInUse" });
  expect(await alcove.images.prune()).toMatchObject({ deleted: ["team/tools:1"] });
  await used.delete();
  await alcove.images.delete("sent");
  expect(await alcove.images.list()).toEqual([]);
  await expect(alcove.images.pull("registry.example.com/x", { name: "public" })).rejects.toMatchObject({
    code: "InvalidRequest",
  });
});

test("events come until the signal aborts, also over a restart of the daemon", async () => {
  const controller = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const event of alcove.events({ signal: controller.signal })) {
      if (event.type === "sandbox.deleted") seen.push(event.sandboxId);
    }
  })();
  following.catch(() => undefined);
  const deleteOne = async () => {
    const { id } = await Sandbox.create({ image: "debian", alcove });
    await Sandbox.connect(id, { alcove }).delete();
    return id;
  };
  await vi.waitFor(async () => expect(seen).toContain(await deleteOne()), { timeout: 20_000 });
  await served.restart();
  const afterRestart = await deleteOne();
  await vi.waitFor(() => expect(seen).toContain(afterRestart), { timeout: 20_000 });
  expect(new Set(seen).size).toBe(seen.length);
  controller.abort(new Error("seen enough"));
  await expect(following).rejects.toThrow("seen enough");
});

async function commands(): Promise<string[]> {
  const execs = await sandbox.execs.list();
  return execs.filter(({ state }) => state === "Running").map(({ args }) => args.join(" "));
}

test("symbolic links are made, read and followed", async () => {
  await sandbox.files.write("/srv/target", "12345");
  await sandbox.files.symlink("/srv/link", "target");
  expect(await sandbox.files.stat("/srv/link")).toMatchObject({ isSymlink: true, symlinkTarget: "target" });
  expect(await sandbox.files.stat("/srv/link", { followSymlinks: true })).toMatchObject({ isSymlink: false, size: 5 });
  expect(await sandbox.files.readText("/srv/link")).toBe("12345");
  await expect(sandbox.files.symlink("/srv/link", "other")).rejects.toMatchObject({ code: "FileExists" });
  await expect(sandbox.files.symlink("/srv/bad", "a\0b")).rejects.toMatchObject({ field: "target" });
});
