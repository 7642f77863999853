/** The launcher's own: which settings are its business, and an exec whose stream breaks. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { type CliOptions, runCli } from "./run-cli.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-la-"));
const socketPath = join(scratch, "cut.sock");
const connections = new Set<Socket>();
let daemon: TestDaemon;
let proxy: Server;
let id: string;

const launcher = (words: readonly string[], options: Partial<CliOptions> = {}) =>
  runCli(words, { environment: daemon.clientEnvironment, entry: "launcher", ...options });

beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true, environment: { ALCOVE_ENGINE: "fake" } });
  id = (await daemon.alcove.sandboxes.create({ image: "debian" })).id;
  proxy = createServer((incoming) => {
    const onward = connect(`${daemon.runtimeDirectory}/alcoved.sock`);
    for (const socket of [incoming, onward]) {
      connections.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => connections.delete(socket));
    }
    incoming.pipe(onward).pipe(incoming);
  });
  await new Promise<void>((resolve) => proxy.listen(socketPath, resolve));
}, 600_000);
afterAll(async () => {
  for (const socket of connections) socket.destroy();
  proxy.close();
  await daemon[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

test("an exec whose stream breaks goes on where its output stopped, to its exit code", async () => {
  const outcome = await launcher(["exec", id, "--", "sh", "-c", "echo one; sleep 1; echo two; exit 5"], {
    environment: { ALCOVE_SOCKET: socketPath },
    onStart: (child) =>
      child.stdout?.once("data", () => {
        for (const socket of connections) socket.destroy();
      }),
  });
  expect(outcome).toEqual({ code: 5, stdout: "one\ntwo\n", stderr: "" });
});

test("a group by flag or variable is the launcher's; in another group there is no such sandbox", async () => {
  expect(await launcher(["exec", "-g", "default", id, "true"])).toMatchObject({ code: 0 });
  const elsewhere = { ...daemon.clientEnvironment, ALCOVE_GROUP: "nobody" };
  expect(await launcher(["exec", id, "true"], { environment: elsewhere })).toMatchObject({ code: 125 });
  const withFlag = await launcher(["exec", "--group", "default", id, "true"], { environment: elsewhere });
  expect(withFlag).toMatchObject({ code: 0 });
});

test("a server elsewhere is never taken for the daemon of this machine", async () => {
  const environment = { ...daemon.clientEnvironment, ALCOVE_URL: "http://127.0.0.1:1" };
  for (const words of [
    ["exec", id, "true"],
    ["run", "debian", "true"],
  ]) {
    const outcome = await launcher(words, { environment });
    expect(outcome).toMatchObject({ code: 125, stdout: "" });
    expect(outcome.stderr).toContain("127.0.0.1:1");
  }
  const byFlag = await launcher(["exec", "--url", "http://127.0.0.1:1", id, "true"]);
  expect(byFlag).toMatchObject({ code: 125, stderr: expect.stringContaining("127.0.0.1:1") });
});
