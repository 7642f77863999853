/** The relay's process is killed, again and again, under real sandboxes: execs go on, calls end and can be made again. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { workerOf } from "../harness/worker-of.js";

let daemon: TestDaemon;
let sandbox: Sandbox;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

const counting = "for i in $(seq 1 20); do echo $i; sleep 0.2; done";
const counted = Array.from({ length: 20 }, (_, index) => `${index + 1}\n`).join("");
const killRelay = async () => process.kill(await workerOf(daemon, "relay/worker-main"), "SIGKILL");
const killSoon = () => new Promise((resolve) => setTimeout(resolve, 700)).then(killRelay);

test("An exec's output comes whole, each byte once, though the relay is killed in the middle", async () => {
  const [{ stdout, exitCode }] = await Promise.all([sandbox.exec(counting), killSoon()]);
  expect({ stdout, exitCode }).toEqual({ stdout: counted, exitCode: 0 });
});

test("A file that is read while the relay is killed is whole or an error, and is read again", async () => {
  const content = Buffer.alloc(48 * 1024 * 1024, "0123456789abcdef");
  await sandbox.files.write("/root/large", content);
  const reading = sandbox.files.read("/root/large").catch((error: unknown) => error);
  await killRelay();
  const read = await reading;
  if (!(read instanceof Error)) expect(content.equals(Buffer.from(read as Uint8Array))).toBe(true);
  expect(content.equals(Buffer.from(await sandbox.files.read("/root/large")))).toBe(true);
});

test("A sandbox that slept, and one that another daemon adopted, are spoken with through the relay", async () => {
  await sandbox.stop();
  await sandbox.resume();
  const [{ stdout }] = await Promise.all([sandbox.exec(counting), killSoon()]);
  expect(stdout).toBe(counted);
  await daemon.kill();
  await daemon.restart();
  const [adopted] = await Promise.all([sandbox.exec(counting), killSoon()]);
  expect(adopted.stdout).toBe(counted);
});
