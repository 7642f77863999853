/** Every command as a real process, against a real daemon with the fake engine. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { type CliOptions, type Entry, entries, runCli } from "./run-cli.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-cli-"));
let daemon: TestDaemon;
let id: string;

const cli = (words: readonly string[], options: Partial<CliOptions> = {}) =>
  runCli(words, { environment: daemon.clientEnvironment, ...options });

beforeAll(async () => {
  // The data directory that tests share has the image's recipe built; the fake engine only wants it to be there.
  daemon = await TestDaemon.start({ hasOwnData: true, environment: { ALCOVE_ENGINE: "fake" } });
  id = (await cli(["create", "-l", "kind=main", "debian"])).stdout.trim();
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

describe("create, list, get, delete", () => {
  test("create prints the id alone, or all of it as JSON", async () => {
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const { stdout, code } = await cli(["create", "-o", "json", "--memory", "512Mi", "-l", "kind=json", "debian"]);
    expect(code).toBe(0);
    const sandbox = JSON.parse(stdout) as { id: string; resources: { memory: string }; labels: object };
    expect(sandbox).toMatchObject({ state: "Running", resources: { memory: "512Mi" }, labels: { kind: "json" } });
    expect((await cli(["delete", sandbox.id])).stdout.trim()).toBe(sandbox.id);
  });

  test("create --count prints an id for each, and --no-wait does not wait", async () => {
    const many = (await cli(["create", "--count", "3", "-l", "kind=count", "debian"])).stdout.trim().split("\n");
    expect(new Set(many).size).toBe(3);
    const [one] = (await cli(["create", "--no-wait", "debian"])).stdout.trim().split("\n");
    const asked = await cli(["create", "-o", "json", "--activation", "manual", "debian"]);
    expect(JSON.parse(asked.stdout)).toMatchObject({ activationMode: "Manual" });
    expect((await cli(["delete", JSON.parse(asked.stdout).id])).code).toBe(0);
    expect((await cli(["delete", "--no-wait", ...many, String(one)])).code).toBe(0);
    expect(await cli(["create", "-n", "1001", "debian"])).toMatchObject({ code: 2, stdout: "" });
  });

  test("labels stand for an id: of one where one is meant, of all where several are", async () => {
    const ids = (await cli(["create", "--count", "2", "-l", "kind=pick", "debian"])).stdout.trim().split("\n");
    expect((await cli(["exec", "kind=main", "--", "echo", "here"])).stdout).toBe("here\n");
    const several = await cli(["ps", "kind=pick"]);
    expect(several).toMatchObject({ code: 1, stdout: "" });
    expect(several.stderr).toMatch(/2 sandboxes have kind=pick/);
    await cli(["label", "kind=pick", "done=yes"]);
    const found = (await cli(["get", "-q", "done=yes"])).stdout.trim().split("\n");
    expect(found.sort()).toEqual(ids.sort());
    expect((await cli(["delete", "done=yes"])).stdout.trim().split("\n")).toHaveLength(2);
    expect(await cli(["get", "kind=none"])).toMatchObject({ code: 0 });
    expect((await cli(["logs", "kind=none"])).stderr).toContain("No sandbox has kind=none");
  });

  test("stop, resume, disable and enable take several, by id and by label, and get says what is kept", async () => {
    const ids = (await cli(["create", "--count", "2", "-l", "kind=sleep", "debian"])).stdout.trim().split("\n");
    const [one] = ids.map(String);
    expect((await cli(["stop", ...ids])).stdout.trim().split("\n").sort()).toEqual([...ids].sort());
    expect((await cli(["get", String(one)])).stdout).toMatch(/Stopped \(UserStopped\)[\s\S]*Memory, \d+ bytes/);
    expect((await cli(["disable", "-l", "kind=sleep"])).code).toBe(0);
    expect(await cli(["resume", ...ids])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("is disabled"),
    });
    expect((await cli(["enable", "kind=sleep"])).stdout.trim().split("\n")).toHaveLength(2);
    expect((await cli(["resume", "--from", "disk", String(one)])).stdout.trim()).toBe(one);
    expect(await cli(["stop", "--mode", "none", String(one)])).toMatchObject({ code: 2, stdout: "" });
    expect((await cli(["delete", "kind=sleep"])).stdout.trim().split("\n")).toHaveLength(2);
  });

  test("label sets, takes away and prints what is left", async () => {
    expect((await cli(["label", id, "team=blue", "x=1"])).stdout).toBe("kind=main\nteam=blue\nx=1\n");
    expect((await cli(["label", id, "x-", "team-"])).stdout).toBe("kind=main\n");
    expect(await cli(["label", id, "nonsense"])).toMatchObject({ code: 2 });
  });

  test("list shows a table, JSON, or ids only, and selects by label", async () => {
    const lines = (await cli(["list"])).stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ID +STATE +IMAGE +CPU +MEMORY +AGE +LABELS$/);
    expect(lines[1]).toContain(id);
    expect(JSON.parse((await cli(["list", "-o", "json"])).stdout)).toMatchObject([{ id }]);
    expect((await cli(["list", "-q", "-l", "kind=main"])).stdout).toBe(`${id}\n`);
    expect((await cli(["list", "-q", "-l", "kind=other"])).stdout).toBe("");
  });

  test("an id can be shortened; one that fits nothing is an error that says so", async () => {
    const shown = await cli(["get", id.slice(0, 6)]);
    expect(shown.stdout).toMatch(new RegExp(`^id +${id}$`, "m"));
    const unknown = id.startsWith("0") ? "1" : "0";
    const missing = await cli(["get", `${unknown}${unknown}${unknown}${unknown}${unknown}`]);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^error: No sandbox's id begins with .*\nhint: /);
  });

  test("delete takes several, goes on after one that fails, and says so in its exit code", async () => {
    const [one, two] = await Promise.all([0, 1].map(async () => (await cli(["create", "debian"])).stdout.trim()));
    const missing = id.startsWith("f") ? "eeeeee" : "ffffff";
    const outcome = await cli(["delete", String(one), missing, String(two)]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout.trim().split("\n").sort()).toEqual([one, two].sort());
    expect(outcome.stderr).toContain(`begins with ${missing}`);
  });

  test("delete --label takes those that have the label, and no others", async () => {
    await cli(["create", "-l", "kind=many", "debian"]);
    await cli(["create", "-l", "kind=many", "debian"]);
    const { stdout } = await cli(["delete", "-l", "kind=many"]);
    expect(stdout.trim().split("\n")).toHaveLength(2);
    expect((await cli(["list", "-q"])).stdout).toBe(`${id}\n`);
  });
});

describe("logs and ps", () => {
  test("logs shows the last lines, follows to the end, and as JSON has stream and time", async () => {
    const words = ["create", "debian", "--", "sh", "-c", "echo out; echo err >&2; sleep 0.2; echo late"];
    const sandbox = (await cli(words)).stdout.trim();
    expect((await cli(["logs", "--follow", sandbox])).stdout).toBe("out\nerr\nlate\n");
    expect((await cli(["logs", "-n", "1", sandbox])).stdout).toBe("late\n");
    const lines = (await cli(["logs", "-o", "json", sandbox])).stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { stream: "stdout", line: "out", time: expect.stringMatching(/^\d{4}-/) },
      { stream: "stderr", line: "err" },
      { stream: "stdout", line: "late" },
    ]);
    await cli(["delete", sandbox]);
    expect(await cli(["logs", id])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("without a program"),
    });
  });

  test("ps lists processes with their execs, as a table or as JSON", async () => {
    const exec = (await cli(["exec", "--detach", id, "--", "sleep", "613"])).stdout.trim();
    expect((await cli(["ps", id])).stdout).toMatch(new RegExp(`^PID .*\\n(.*\\n)*.*${exec.slice(0, 8)} +sleep 613`));
    expect(JSON.parse((await cli(["ps", "-o", "json", id])).stdout)).toContainEqual(
      expect.objectContaining({ command: "sleep 613", execId: exec }),
    );
  });
});

describe.each<Entry>(["launcher", "node"])("exec and run, by the %s", (entry) => {
  const exec = (words: readonly string[], options: Partial<CliOptions> = {}) => cli(words, { entry, ...options });

  test("output goes to its stream, and the exit code passes through", async () => {
    const outcome = await exec(["exec", id, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    expect(outcome).toEqual({ code: 7, stdout: "out\n", stderr: "err\n" });
  });

  test("what is piped is its input, all of it", async () => {
    const input = Buffer.alloc(300_000, "x");
    expect(await exec(["exec", id.slice(0, 8), "wc", "-c"], { input })).toMatchObject({ code: 0, stdout: "300000\n" });
  });

  test("environment, directory and user arrive", async () => {
    const words = ["exec", "-e", "A=1", "--env", "B=x=y", "--cwd", "/tmp", id, "--"];
    const { stdout } = await exec([...words, "sh", "-c", 'echo "$A $B"; pwd']);
    expect(stdout).toBe("1 x=y\n/tmp\n");
  });

  test("--timeout ends it with 124, and says so", async () => {
    const outcome = await exec(["exec", "-t", "200ms", id, "sleep", "600"]);
    expect(outcome.code).toBe(124);
    expect(outcome.stderr).toContain("error: the program was ended after 200 ms\nhint: ");
  });

  test("a program that is not found ends with 127, as in a shell", async () => {
    expect((await exec(["exec", id, "nosuchprogram"])).code).toBe(127);
  });

  test("Ctrl-C goes to the program, whose end by the signal is ours", async () => {
    const outcome = await exec(["exec", id, "--", "sh", "-c", "echo ready; sleep 600"], {
      onStart: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
    });
    expect(outcome).toMatchObject({ code: 130, stdout: "ready\n" });
  });

  test("a reader that goes away ends the program", async () => {
    const outcome = await exec(["exec", id, "--", "yes"], {
      onStart: (child) => child.stdout?.once("data", () => child.stdout?.destroy()),
    }).catch((error: unknown) => error);
    expect(outcome).not.toMatchObject({ code: 0 });
    await expect.poll(async () => (await cli(["attach", id])).stdout).not.toMatch(/Running .*yes/);
  });

  test("output that cannot be written ends the program, with 125", async () => {
    const words = ["-c", `"$0" exec ${id} yes full > /dev/full`, entries[entry]];
    const env = { ...process.env, ...daemon.clientEnvironment };
    const outcome: unknown = await promisify(execFile)("bash", words, { env }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 125, stderr: expect.stringMatching(/^error: /) });
    const execs = await daemon.alcove.sandboxes.connect(id).execs.list();
    const running = execs.filter(({ args, state }) => state === "Running" && args.includes("full"));
    expect(running).toEqual([]);
  });

  test.each([
    ["a sandbox that is gone", ["exec", "00000000-0000-4000-8000-000000000000", "true"]],
    ["an id that none begins with", ["exec", "00000000-00", "true"]],
    ["an exec in no sandbox", ["attach", "00000000-00", "1"]],
  ])("%s is 125, not an exit code that the program could have had", async (_, words) => {
    const outcome = await exec(words);
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toMatch(/^error: .*\nhint: .*\n$/);
  });

  test("run leaves no sandbox, unless it is to be kept", async () => {
    expect(await exec(["run", "debian", "--", "sh", "-c", "echo hi; exit 3"])).toMatchObject({
      code: 3,
      stdout: "hi\n",
    });
    expect((await cli(["list", "-q"])).stdout).toBe(`${id}\n`);
    const kept = await exec(["run", "--keep", "debian", "echo", "hi"]);
    const [, name] = /^sandbox ([0-9a-f-]{36})$/m.exec(kept.stderr) ?? [];
    expect((await cli(["delete", String(name)])).stdout.trim()).toBe(name);
  });

  test("an option behind the name is refused, not run", async () => {
    const outcome = await exec(["run", "debian", "--keep", "echo"]);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("Options go before it");
  });

  test("an image that is unknown is an error with its hint, and nothing is created", async () => {
    const outcome = await exec(["run", "nosuchimage", "true"]);
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toMatch(/^error: .*nosuchimage.*\nhint: /);
    expect((await cli(["list", "-q"])).stdout).toBe(`${id}\n`);
  });

  test("detached, it goes on, and attach gives its output and exit code to whoever asks", async () => {
    const started = await exec(["exec", "--detach", id, "--", "sh", "-c", "echo one; sleep 0.3; echo two; exit 5"]);
    const execId = started.stdout.trim();
    expect((await cli(["attach", id])).stdout).toContain(execId);
    expect(await cli(["attach", id, execId])).toMatchObject({ code: 5, stdout: "one\ntwo\n" });
    expect(await cli(["attach", "--offset", "4", id, execId.slice(0, 8)])).toMatchObject({ code: 5, stdout: "two\n" });
  });
});

describe("the launcher", () => {
  test("does an exec without Node", async () => {
    const path = join(scratch, "without-node");
    mkdirSync(path);
    symlinkSync("/usr/bin/readlink", join(path, "readlink"));
    const environment = { ...daemon.clientEnvironment, PATH: path };
    const exec = await cli(["exec", id, "echo", "hi"], { entry: "launcher", environment });
    expect(exec).toEqual({ code: 0, stdout: "hi\n", stderr: "" });
    const list = await cli(["list"], { entry: "launcher", environment });
    expect(list).toMatchObject({ code: 1, stdout: "" });
    expect(list.stderr).toMatch(/^error: Node could not be started: .*\nhint: install Node/);
  });

  test("is the command alcove also as PID 1, where the same program is a sandbox's agent", async () => {
    const words = ["--map-root-user", "--pid", "--fork", entries.launcher, "exec", id, "echo", "hi"];
    const environment = { ...process.env, ...daemon.clientEnvironment };
    expect(await promisify(execFile)("unshare", words, { env: environment })).toEqual({ stdout: "hi\n", stderr: "" });
  });
});

describe("cp", () => {
  const local = (name: string) => join(scratch, name);

  test("a file goes in and out with its mode, into a directory where the target is one", async () => {
    writeFileSync(local("tool"), "#!/bin/sh\n", { mode: 0o751 });
    expect((await cli(["cp", local("tool"), `${id}:/root/`])).code).toBe(0);
    expect((await cli(["cp", `${id}:/root/tool`, local("back")])).code).toBe(0);
    expect(readFileSync(local("back"), "utf8")).toBe("#!/bin/sh\n");
    expect(statSync(local("back")).mode & 0o777).toBe(0o751);
  });

  test("a directory goes in and out with all in it", async () => {
    mkdirSync(join(local("tree"), "deep"), { recursive: true });
    writeFileSync(join(local("tree"), "deep", "leaf"), "leaf");
    expect((await cli(["cp", local("tree"), `${id}:/srv/tree`])).code).toBe(0);
    expect((await cli(["cp", `${id}:/srv/tree`, local("tree-back")])).code).toBe(0);
    expect(readFileSync(join(local("tree-back"), "deep", "leaf"), "utf8")).toBe("leaf");
  });

  test("a hyphen is standard input and output", async () => {
    expect((await cli(["cp", "-", `${id}:/root/piped`], { input: "from a pipe" })).code).toBe(0);
    expect((await cli(["cp", `${id}:/root/piped`, "-"])).stdout).toBe("from a pipe");
  });

  test("a copy that fails leaves the old file", async () => {
    writeFileSync(local("old"), "old");
    const outcome = await cli(["cp", `${id}:/no/such/file`, local("old")]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^error: .*\nhint: /);
    expect(readFileSync(local("old"), "utf8")).toBe("old");
  });
});

describe("ports", () => {
  test("create --port, port add, set, list, link and remove; get has the URLs", async () => {
    const made = (await cli(["create", "--port", "web=3000", "--port", "8080:anonymous", "debian"])).stdout.trim();
    const got = (await cli(["get", made])).stdout;
    expect(got).toMatch(new RegExp(`^ports +3000 \\(web\\) http://3000-${made}\\.\\S+/, 8080 http://8080-\\S+/$`, "m"));
    const added = await cli(["port", "add", "--deny", "192.0.2.0/24", "-o", "json", made, "9000"]);
    expect(JSON.parse(added.stdout)).toMatchObject({ port: 9000, ipAccessControl: { defaultAction: "Allow" } });
    expect((await cli(["port", "set", "--no-anonymous", made, "8080"])).stdout).toMatch(/^for +keys and links$/m);
    expect((await cli(["port", "set", "--unset", "access", made, "9000"])).stdout).toMatch(/^from +everywhere$/m);
    expect((await cli(["port", "list", "-q", made])).stdout).toBe("3000\n8080\n9000\n");
    expect((await cli(["port", "link", "--expires-in", "10m", made, "web"])).stdout).toMatch(
      /^http:\/\/3000-\S+\?\S+\n$/,
    );
    expect((await cli(["port", "remove", made, "web", "9000"])).stdout).toBe("web\n9000\n");
    expect((await cli(["port", "remove", made, "web"])).stderr).toContain("no port web open");
    expect((await cli(["delete", made])).code).toBe(0);
  });

  test.each([
    [["port", "add", "3f2a", "70000"], "70000 is no port"],
    [["port", "add", "--allow", "10.0.0.5/8", "3f2a", "80"], "10.0.0.0/8"],
    [["port", "set", "3f2a", "80"], "Nothing is to be changed"],
    [["port", "set", "--unset", "name", "3f2a", "80"], "name cannot be unset"],
    [["create", "--port", "web", "debian"], "web is no port"],
    [["port-forward", "3f2a", "80:"], "[LOCAL:]REMOTE"],
  ])("%j is not understood", async (words, says) => {
    const { code, stderr } = await cli(words);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
  });
});

test("apply warns of volumes that the manifest does not name, and of headers that are sent as they stand", async () => {
  const file = join(scratch, "alcove.yaml");
  const headers = `[{ operation: Set, name: Authorization, value: "Bearer \${TOKEN}" }]`;
  const rule = `{ name: api, match: { host: a.test }, action: { type: Transform, headers: ${headers} } }`;
  writeFileSync(
    file,
    `name: warned\nimage: debian\nvolumes: []\negressPolicy: { defaultAction: Deny, rules: [${rule}] }\n`,
  );
  expect((await cli(["validate", "--file", file])).stderr).toMatch(
    /^warning: warned: The header Authorization is sent/,
  );
  expect((await cli(["apply", "--file", file])).stderr).toMatch(/^warning: warned: The header Authorization is sent/);
  await cli(["volume", "create", "--size", "64Mi", "besides"]);
  await cli(["volume", "attach", "name=warned", "besides", "/besides"]);
  const again = await cli(["apply", "--file", file]);
  expect(again).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("warned: its manifest does not name the volume besides"),
  });
  writeFileSync(file, `defaultAction: Deny\nrules: [${rule}]\n`);
  expect((await cli(["egress", "apply", "--file", file, "name=warned"])).stderr).toMatch(
    /^warning: The header Authorization/,
  );
  await cli(["delete", "name=warned"]);
  expect((await cli(["volume", "delete", "besides"])).code).toBe(0);
});

describe("the rest", () => {
  test("api prints the body, and exits with 1 when it is an error", async () => {
    expect(JSON.parse((await cli(["api", "GET", "/v1/health"])).stdout)).toMatchObject({ engine: "fake" });
    const body = '{"sourcesRef":{"diskImage":{"name":"debian"}},"nosuchfield":1}';
    const refused = await cli(["api", "POST", "/v1/groups/default/sandboxes", "--data", body]);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: "InvalidRequest", status: 400 });
    const fromInput = await cli(["api", "POST", "/v1/groups/default/sandboxes", "-d", "-"], { input: body });
    expect(fromInput).toMatchObject({ code: 1, stdout: expect.stringContaining("nosuchfield") });
  });

  test("status, version, doctor and image answer as tables and as JSON", async () => {
    expect((await cli(["status"])).stdout).toMatch(/^engine +fake/m);
    expect(JSON.parse((await cli(["version", "-o", "json"])).stdout)).toMatchObject({ daemon: { pid: daemon.pid } });
    expect(JSON.parse((await cli(["doctor", "-o", "json"])).stdout)).toHaveProperty("findings");
    expect((await cli(["image", "list"])).stdout).toMatch(/^debian +Ready/m);
    expect(JSON.parse((await cli(["image", "get", "debian", "-o", "json"])).stdout)).toMatchObject({ name: "debian" });
    expect((await cli(["console", id])).code).toBe(0);
  });

  test.each([
    [["nosuchcommand"], /^error: unknown command/],
    [["list", "-o", "xml"], /^error: .*Allowed choices are table, json, yaml/],
    [["list", "--url", "ftp://x"], /^error: url \(flag --url\): "ftp:\/\/x" must be http/],
    [["list", "--context", "nosuch"], /^error: There is no context nosuch/],
    [["up", "--url", "https://sandboxes.example.com"], /^error: `alcove up` is for the daemon of this machine/],
    [["config", "set", "apiKey", "x"], /^error: A key stands on no command line/],
    [["exec", "-t", "5x", "3f2a", "true"], /^error: .*500ms, 30s, 5m, 2h or 7d/],
    [["exec", "not-an-id", "true"], /^error: "not-an-id" is not the beginning/],
    [["cp", "a", "b"], /^error: Neither side is in a sandbox/],
    [["cp", "3f2a:relative", "b"], /^error: A path in a sandbox is absolute/],
    [["delete"], /^error: Say either which sandboxes, or --label, or --all/],
    [["delete", "--all", "3f2a"], /^error: Say either which sandboxes, or --label, or --all/],
    [["delete", "-l", "a=b", "3f2a"], /^error: Say either which sandboxes, or --label, or --all/],
    [["-g", "default", "list", "--frobnicate"], /hint: `alcove list --help`/],
    [["api", "FETCH", "/v1/health"], /^error: The method FETCH/],
  ])("%j is a usage error: exit code 2 and a hint", async (words, sentence) => {
    const outcome = await cli(words);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(sentence);
    expect(outcome.stderr).toContain("\nhint: ");
  });

  test("a noun without a verb is a usage error that lists its verbs", async () => {
    const outcome = await cli(["image"]);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(/^ +prepare .*build an image now$/m);
  });

  test("an unknown verb is answered with the nearest", async () => {
    expect((await cli(["stattus"])).stderr).toMatch(/^hint: Did you mean status\? /m);
    expect((await cli(["image", "gett"])).stderr).toMatch(/^hint: Did you mean get\? `alcove image --help`/m);
  });

  test("a reader of results that goes away is no error: 141, as of a program that SIGPIPE ends", async () => {
    const help = await promisify(execFile)("bash", [
      "-c",
      `"$0" run --help | head -c 0; echo $PIPESTATUS`,
      entries.node,
    ]);
    expect(help).toEqual({ stdout: "141\n", stderr: "" });
    const shell = `set -o pipefail; "$0" api GET /openapi.json | head -c 1`;
    const run = promisify(execFile)("bash", ["-c", shell, entries.node], {
      env: { ...process.env, ...daemon.clientEnvironment },
    });
    expect(await run.catch((error: unknown) => error)).toMatchObject({ code: 141, stdout: "{", stderr: "" });
  });

  test("results that cannot be written are an error", async () => {
    const env = { ...process.env, ...daemon.clientEnvironment };
    const run = promisify(execFile)("bash", ["-c", `"$0" list > /dev/full`, entries.node], { env });
    const outcome: unknown = await run.catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: .*ENOSPC/) });
  });

  test("status and version start no daemon; status exits with 1 where none runs", async () => {
    const environment = { ALCOVE_RUNTIME_DIR: join(scratch, "nobody") };
    expect(await cli(["status"], { environment })).toMatchObject({ code: 1, stdout: expect.stringContaining("down") });
    expect(await cli(["version"], { environment })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("not running"),
    });
    expect(await cli(["down"], { environment })).toMatchObject({ code: 0, stdout: "no daemon runs\n" });
  });

  test("up starts a daemon, a second up finds it, down ends it and leaves no socket that answers", async () => {
    const runtime = mkdtempSync(join(tmpdir(), "alcove-up-"));
    const environment = { ALCOVE_RUNTIME_DIR: runtime, ALCOVE_DATA_DIR: join(scratch, "up"), ALCOVE_ENGINE: "fake" };
    const first = await cli(["up"], { environment });
    expect(first.stdout).toMatch(/^alcoved \S+ runs as process \d+\n$/);
    expect((await cli(["up"], { environment })).stdout).toBe(first.stdout);
    expect(await cli(["down"], { environment })).toMatchObject({ code: 0, stdout: "stopped\n" });
    expect((await cli(["status"], { environment })).code).toBe(1);
    rmSync(runtime, { recursive: true });
  });
});

test("Ctrl-C while waiting ends a command with 130", async () => {
  const outcome = await cli(["api", "--include", "GET", "/v1/groups/default/events"], {
    onStart: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
  });
  expect(outcome).toMatchObject({ code: 130, stdout: expect.stringMatching(/^HTTP\/1.1 200/) });
});

test("a port keeps what is not given: who is allowed while others are denied, methods while origins change", async () => {
  await cli(["port", "add", "--allow", "10.0.0.0/8", "--cors-origin", "https://a.test", id, "3000"]);
  const { code, stdout } = await cli(["port", "set", "--deny", "10.9.0.0/16", "-o", "json", id, "3000"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ipAccessControl: { defaultAction: "Deny", rules: [{ action: "Deny" }, { sourceCidrs: ["10.0.0.0/8"] }] },
    cors: { allowOrigins: ["https://a.test"] },
  });
  expect((await cli(["port", "remove", id, "3000"])).code).toBe(0);
});
