/** The main job, on the real engine, through the SDK and the CLI: what the README promises. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AlcoveError, Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

const run = promisify(execFile);
const cli = fileURLToPath(new URL("../../packages/cli/bin/alcove.js", import.meta.url));

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

describe("a sandbox of the debian image", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.create({
      image: "debian",
      alcove: daemon.alcove,
      env: { GREETING: "hello" },
      labels: { test: "first-light" },
    });
  }, 600_000);

  test("runs a kernel of its own", async () => {
    const { stdout } = await sandbox.exec("uname -r; cat /proc/1/comm; id -u");
    const [kernel] = stdout.split("\n");
    expect(kernel).toMatch(/^\d+\.\d+.*cloud/);
    expect(kernel).not.toBe((await readFile("/proc/sys/kernel/osrelease", "utf8")).trim());
  });

  test("has no network card: what would leave by the one interface besides lo ends at the agent", async () => {
    const { stdout } = await sandbox.exec("ls /sys/class/net; readlink -f /sys/class/net/alcove0");
    expect(stdout.trim().split(/\s+/)).toEqual(["alcove0", "lo", "/sys/devices/virtual/net/alcove0"]);
  });

  test("has python, git, curl and certificates, with owners and setuid bits as Debian gives them", async () => {
    const { stdout, exitCode } = await sandbox.exec(
      "python3 -V && git --version && curl --version | head -n 1 && test -s /etc/ssl/certs/ca-certificates.crt && stat -c '%a %U:%G %n' /bin/su /etc/shadow /usr/bin/passwd /var/mail /tmp",
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain("4755 root:root /bin/su");
    expect(stdout).toContain("640 root:shadow /etc/shadow");
    expect(stdout).toContain("4755 root:root /usr/bin/passwd");
    expect(stdout).toContain("root:mail /var/mail");
    expect(stdout).toContain("1777 root:root /tmp");
  });

  test("passes environment, input, working directory and exit code", async () => {
    const { stdout, exitCode } = await sandbox.exec('cat; echo "$GREETING $NAME $PWD"; exit 7', {
      stdin: "in\n",
      env: { NAME: "you" },
      cwd: "/var/tmp",
    });
    expect(stdout).toBe("in\nhello you /var/tmp\n");
    expect(exitCode).toBe(7);
  });

  test("does a real piece of work: files in, a program over them, a stream, a result out", async () => {
    await sandbox.files.write("/work/numbers.txt", Array.from({ length: 1_000 }, (_, index) => index).join("\n"));
    await sandbox.files.write(
      "/work/sum.py",
      "import sys\nprint('adding', flush=True)\nopen('/work/sum','w').write(str(sum(map(int,open(sys.argv[1])))))\n",
    );
    const process = await sandbox.spawn(["python3", "/work/sum.py", "/work/numbers.txt"]);
    expect(await process.stdout.text()).toBe("adding\n");
    expect((await process.wait()).exitCode).toBe(0);
    expect(await sandbox.files.readText("/work/sum")).toBe("499500");
  });

  test("keeps 64 MB to the byte, both ways", async () => {
    const bytes = randomBytes(64 * 1_048_576);
    await sandbox.files.write("/var/tmp/large", bytes);
    expect(Buffer.compare(bytes, await sandbox.files.read("/var/tmp/large"))).toBe(0);
  });

  test("says what is wrong with bad input, and which field", async () => {
    const failed = await Sandbox.create({ image: "nosuch", alcove: daemon.alcove }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(AlcoveError);
    expect(failed).toMatchObject({ code: "ImageNotFound" });
    expect(await sandbox.files.read("/etc/pass\0wd").catch((error: unknown) => error)).toMatchObject({
      code: "InvalidRequest",
      field: "path",
    });
    expect(await sandbox.exec("true", { user: "nobody-here" }).catch((error: unknown) => error)).toMatchObject({
      code: "UserNotFound",
    });
  });

  test("is used by the command line too, and exit codes pass through", async () => {
    const env = { ...process.env, ...daemon.clientEnvironment };
    const { stdout } = await run(process.execPath, [cli, "exec", sandbox.id, "--", "sh", "-c", "echo from the CLI"], {
      env,
    });
    expect(stdout).toBe("from the CLI\n");
    const failed = await run(process.execPath, [cli, "exec", sandbox.id, "--", "sh", "-c", "exit 9"], { env }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 9 });
    const directory = await mkdtemp(join(tmpdir(), "alcove-cp-"));
    await writeFile(join(directory, "in"), "copied");
    await run(process.execPath, [cli, "cp", join(directory, "in"), `${sandbox.id}:/root/in`], { env });
    await run(process.execPath, [cli, "cp", `${sandbox.id}:/root/in`, join(directory, "out")], { env });
    expect(await readFile(join(directory, "out"), "utf8")).toBe("copied");
    await rm(directory, { recursive: true });
  });

  test("that has powered off says so, and refuses execs", async () => {
    const own = await Sandbox.create({ image: "debian", alcove: daemon.alcove });
    await own
      .exec("echo o > /proc/sysrq-trigger", { timeoutMs: 5_000, signal: AbortSignal.timeout(20_000) })
      .catch(() => undefined);
    await expect.poll(async () => (await own.info()).state, { timeout: 20_000 }).toBe("Stopped");
    expect((await own.info()).stateDetails.stoppedReason).toBe("GuestExited");
    expect(await own.exec("true").catch((error: unknown) => error)).toMatchObject({ code: "SandboxNotRunning" });
    await own.delete();
  });
});
