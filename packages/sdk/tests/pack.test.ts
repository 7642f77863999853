/**
 * The packages as npm would publish them, installed in an empty project and used there. What they depend on is packed from
 * this checkout's node_modules, so that no registry is asked.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");
const ours = ["packages/contract", "packages/sdk"];

let place: string;
let project: string;
let served: Served;
let packed: Record<string, string[]>;

beforeAll(async () => {
  served = await serve();
  place = await mkdtemp(join(tmpdir(), "alcove-pack-"));
  project = join(place, "project");
  await mkdir(project);
  packed = await pack();
  await writeFile(join(project, "package.json"), '{ "name": "empty", "private": true, "type": "module" }');
  const tarballs = Object.keys(packed).map((name) => join(place, name));
  await npm(["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs], project);
}, 120_000);
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await rm(place, { recursive: true });
});

/** With a cache of its own: nothing that was fetched before helps. */
const npm = (args: readonly string[], cwd: string) =>
  run("npm", [...args, "--cache", join(place, "cache"), "--loglevel", "error"], { cwd, maxBuffer: 16_777_216 });

/** Tarballs of ours and of all that they need; each with the names of its files. */
async function pack(): Promise<Record<string, string[]>> {
  const needed = new Set<string>();
  const collect = async (directory: string): Promise<void> => {
    const manifest = JSON.parse(await readFile(join(root, directory, "package.json"), "utf8"));
    for (const name of Object.keys(manifest.dependencies ?? {}).filter((one) => one !== "@alcove/contract")) {
      const found = `node_modules/${name}`;
      if (needed.has(found)) continue;
      needed.add(found);
      await collect(found);
    }
  };
  for (const directory of ours) await collect(directory);
  const directories = [...ours, ...needed].map((directory) => join(root, directory));
  const { stdout } = await npm(
    ["pack", "--json", "--ignore-scripts", "--pack-destination", place, ...directories],
    place,
  );
  const listed = JSON.parse(stdout) as Record<string, unknown> | unknown[];
  const entries = Object.values(listed) as { readonly filename: string; readonly files: { readonly path: string }[] }[];
  return Object.fromEntries(entries.map(({ filename, files }) => [filename, files.map(({ path }) => path)]));
}

const environment = () => ({ PATH: process.env.PATH, HOME: process.env.HOME, ALCOVE_SOCKET: served.socketPath });

async function runInProject(name: string, source: string, env: NodeJS.ProcessEnv = environment()) {
  await writeFile(join(project, name), source);
  return run(process.execPath, [name], { cwd: project, env, timeout: 60_000 });
}

test("they hold what they need, their licence and their words, and nothing of tests and builds", async () => {
  for (const directory of ["sdk", "contract"]) {
    expect(await readFile(join(root, "packages", directory, "LICENSE"))).toEqual(await readFile(join(root, "LICENSE")));
  }
  for (const name of ["alcove-0.1.0.tgz", "alcove-contract-0.1.0.tgz"]) {
    const files = packed[name] ?? [];
    expect(files).toEqual(
      expect.arrayContaining(["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "src/index.ts"]),
    );
    expect(files.filter((path) => /test|tsbuildinfo|\.env/.test(path))).toEqual([]);
  }
});

test("a program in JavaScript creates a sandbox, runs something in it, and ends", { timeout: 90_000 }, async () => {
  const { stdout } = await runInProject(
    "program.js",
    `import { Alcove, AlcoveError, Sandbox } from "alcove";
     const sandbox = await Sandbox.create({ image: "debian", env: { NAME: "you" } });
     const { stdout } = await sandbox.exec('echo "hello $NAME"');
     await sandbox.files.upload(".", "/tmp/project");
     const running = await sandbox.spawn(["cat", "/tmp/project/package.json"]);
     const text = await running.stdout.text();
     await sandbox.delete();
     const error = await sandbox.info().catch((reason) => reason);
     console.log(JSON.stringify([stdout, JSON.parse(text).name, error instanceof AlcoveError, error.code, await new Alcove().sandboxes.count()]));`,
  );
  expect(JSON.parse(stdout)).toEqual(["hello you\n", "empty", true, "SandboxNotFound", 0]);
});

test.each([
  ["nodenext", { module: "nodenext", moduleResolution: "nodenext", types: ["node"], lib: ["es2023"] }],
  [
    "bundler",
    { module: "preserve", moduleResolution: "bundler", types: [], lib: ["es2023", "dom", "dom.asynciterable"] },
  ],
])(
  "a program in TypeScript is checked strictly with module resolution %s, and what is wrong in it is found",
  {
    timeout: 90_000,
  },
  async (name, options) => {
    const compile = async (source: string) => {
      const directory = join(project, name);
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, "program.ts"), source);
      const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, target: "es2023" };
      const compilerOptions = { ...options, ...strict, noEmit: true, typeRoots: [join(root, "node_modules/@types")] };
      await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
      return run(join(root, "node_modules/.bin/tsc"), ["-p", directory], { cwd: directory }).then(
        () => "",
        (error: { readonly stdout: string }) => error.stdout,
      );
    };
    const program = `import { Alcove, Code, type CodeResult, Sandbox } from "alcove";
    const alcove = new Alcove({ url: "https://alcove.example.com", apiKey: "key", group: "team" });
    await using sandbox: Sandbox = await alcove.group("team").sandboxes.create({ image: "debian" });
    const result: CodeResult = await new Code(sandbox).run("python", "1");
    for await (const { id } of alcove.sandboxes.list()) console.log(id.length, result.exitCode.toFixed());
    const state: "Creating" | "Running" | "Stopping" | "Stopped" | "Resuming" | "Failed" | "Deleting" = (await sandbox.info()).state;
    export { state };`;
    expect(await compile(program)).toBe("");
    expect(await compile(program.replace("image:", "imagine:"))).toMatch(/error TS\d+: .*imagine/);
  },
);

test("where the server is not installed, starting it says what to do", { timeout: 60_000 }, async () => {
  const { stdout } = await runInProject(
    "alone.js",
    `import { Alcove, StartError } from "alcove";
     const error = await new Alcove().version().catch((reason) => reason);
     console.log(error instanceof StartError, error.message);`,
    { PATH: process.env.PATH, ALCOVE_RUNTIME_DIR: join(place, "run") },
  );
  expect(stdout).toBe(
    "true No daemon runs and none is installed: `npm install @alcove/server`, or set ALCOVE_DAEMON.\n",
  );
});
