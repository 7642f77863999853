/** The completion of each shell, run by that shell. */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { entries, runCli, withoutConfiguration } from "./run-cli.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-tab-"));
let daemon: TestDaemon;
let id: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true, environment: { ALCOVE_ENGINE: "fake" } });
  id = (await daemon.alcove.sandboxes.create({ image: "debian" })).id;
  mkdirSync(join(scratch, "bin"));
  mkdirSync(join(scratch, "home/alcove"), { recursive: true });
  symlinkSync(entries.launcher, join(scratch, "bin/alcove"));
  writeFileSync(join(scratch, "home/alcove/config.json"), '{"contexts":{"work":{"group":"team"}}}', { mode: 0o600 });
  environment = {
    ...process.env,
    ...withoutConfiguration,
    ...daemon.clientEnvironment,
    XDG_CONFIG_HOME: join(scratch, "home"),
    PATH: `${scratch}/bin:${process.env.PATH}`,
  };
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

/** Each shell completes the last word of the line, and prints what it found. */
const shells: Readonly<Record<string, (words: readonly string[]) => string>> = {
  bash: (words) =>
    `source <(alcove completion bash)
     COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}
     _alcove; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (words) =>
    `compdef() { : }; compadd() { shift; print -l -- "$@" }; _files() { print FILES }
     source <(alcove completion zsh)
     words=(${quoted(words)}); CURRENT=${words.length}; _alcove`,
  fish: (words) => `alcove completion fish | source; complete -C "${words.join(" ")}"`,
};
const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");

async function complete(shell: string, words: readonly string[]): Promise<string[]> {
  const script = shells[shell]?.(["alcove", ...words]) ?? "";
  const { stdout } = await promisify(execFile)(shell, ["-c", script], { env: environment, cwd: scratch });
  return stdout.split("\n").filter((line) => line !== "");
}

for (const shell of Object.keys(shells)) {
  const isMissing = spawnSync(shell, ["--version"]).error !== undefined;
  // A shell that the host has not cannot be tried: apt-get install zsh fish.
  describe.skipIf(isMissing)(shell, () => {
    test("verbs of a noun, and their beginnings", async () => {
      expect(await complete(shell, ["image", ""])).toEqual(expect.arrayContaining(["get", "list", "prepare"]));
      expect(await complete(shell, ["image", "pre"])).toEqual(["prepare"]);
    });

    test("options, their choices, and contexts", async () => {
      expect(await complete(shell, ["list", "--out"])).toEqual(["--output"]);
      expect(await complete(shell, ["list", "-o", ""])).toEqual(expect.arrayContaining(["json", "table", "yaml"]));
      expect(await complete(shell, ["context", "use", "w"])).toEqual(["work"]);
    });

    test("ids of sandboxes and names of images from the server", async () => {
      expect(await complete(shell, ["get", id.slice(0, 4)])).toEqual([id]);
      expect(await complete(shell, ["image", "get", "deb"])).toEqual(["debian"]);
      expect(await complete(shell, ["run", "--keep", "deb"])).toEqual(["debian"]);
    });
  });
}

const candidates = (words: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  runCli(["completion", "candidates", "--", ...words], { environment: { ...daemon.clientEnvironment, ...more } });

test("behind -- nothing is ours", async () => {
  expect(await candidates(["exec", id, "--", ""])).toMatchObject({ code: 0, stdout: "" });
});

test("ports are those of the sandbox that is named before them", async () => {
  await daemon.alcove.sandboxes.connect(id).ports.replace([{ port: 3000, name: "web" }, { port: 8080 }]);
  expect((await candidates(["port", "remove", id, "--verbose", ""])).stdout).toBe("8080\nweb\n");
  expect((await candidates(["port", "link", id.slice(0, 8), "w"])).stdout).toBe("web\n");
});

test("no daemon is started, and a server that says nothing is not waited for", async () => {
  const silent: Server = createServer(() => undefined);
  const socket = join(scratch, "silent.sock");
  await new Promise<void>((resolve) => silent.listen(socket, resolve));
  const startedAt = performance.now();
  expect(await candidates(["get", ""], { ALCOVE_SOCKET: socket })).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  silent.close();
  const nobody = { ALCOVE_RUNTIME_DIR: join(scratch, "nobody") };
  expect(await candidates(["get", ""], nobody)).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("a server's words that a shell would read as more are left out", async () => {
  const { createServer: serve } = await import("node:http");
  const hostile = serve((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify([{ name: "$(touch x)" }, { name: "a;b" }, { name: "-rf" }, { name: "fine:1" }]));
  });
  const socket = join(scratch, "hostile.sock");
  await new Promise<void>((resolve) => hostile.listen(socket, resolve));
  const { stdout } = await candidates(["image", "get", ""], { ALCOVE_SOCKET: socket });
  hostile.close();
  expect(stdout).toBe("fine:1\n");
});
