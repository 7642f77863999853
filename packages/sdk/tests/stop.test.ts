import { Alcove } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

test("a sandbox is stopped and resumed, and a command that is followed goes on", async () => {
  await using sandbox = await alcove.sandboxes.create({ image: "debian" });
  const interruptions: unknown[] = [];
  const options = { stdin: true, onInterruption: (interruption: unknown) => void interruptions.push(interruption) };
  const command = await sandbox.spawn("echo before; cat", options);
  const output = command.stdout.text();
  expect(await sandbox.stop()).toMatchObject({ state: "Stopped", suspended: { mode: "Memory" } });
  expect(await sandbox.resume()).toMatchObject({ state: "Running", generation: 2 });
  await command.stdin.write("after");
  await command.stdin.end();
  expect(await output).toBe("before\nafter");
  expect((await command.wait()).exitCode).toBe(0);
  expect(interruptions).toHaveLength(1);
});

test("one that is begun to be stopped is waited for; what needs it wakes it, unless it says otherwise or is disabled", async () => {
  await using manual = await alcove.sandboxes.create({ image: "debian", activationMode: "Manual" });
  await manual.stop({ mode: "Disk", wait: false });
  expect((await manual.waitUntil("Stopped")).suspended?.mode).toBe("Disk");
  await expect(manual.exec(["true"])).rejects.toMatchObject({ code: "SandboxNotRunning" });

  await using onDemand = await alcove.sandboxes.create({ image: "debian" });
  await onDemand.disable();
  await expect(onDemand.exec(["true"])).rejects.toMatchObject({ code: "SandboxDisabled" });
  await onDemand.enable();
  expect((await onDemand.exec(["true"])).exitCode).toBe(0);
});
