/** What each program is told to fetch, and how it comes into a sandbox. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { run } from "../../../packages/server/src/host/run.js";

const place = "/root/programs";

/** Each prints a line for each URL: the status and the first line of the answer, or that it failed. */
const fetchers = {
  curl: `sh ${place}/fetch.sh curl`,
  wget: `sh ${place}/fetch.sh wget`,
  "Python's requests": `python3 ${place}/fetch.py requests`,
  "Python's urllib3": `python3 ${place}/fetch.py urllib3`,
  "Python's urllib": `python3 ${place}/fetch.py urllib`,
  "Node's fetch": `node ${place}/fetch.mjs`,
  "Go's net/http": `${place}/fetch`,
  "Java's HttpsURLConnection": `java -Xshare:auto -XX:TieredStopAtLevel=1 -cp ${place} Fetch`,
} as const;

export type Fetcher = keyof typeof fetchers;

/** Without what this host cannot compile. */
export async function bringPrograms(sandbox: Sandbox): Promise<readonly Fetcher[]> {
  await sandbox.files.mkdir(place);
  for (const name of ["fetch.sh", "fetch.py", "fetch.mjs"]) {
    await sandbox.files.write(join(place, name), await readFile(join(import.meta.dirname, name)));
  }
  const built = await mkdtemp(join(tmpdir(), "alcove-programs-"));
  try {
    const lacks = new Set<Fetcher>();
    if (!(await compile(built, "fetch"))) lacks.add("Go's net/http");
    if (!(await compile(built, "Fetch.class"))) lacks.add("Java's HttpsURLConnection");
    for (const name of ["fetch", "Fetch.class"]) {
      const content = await readFile(join(built, name)).catch(() => undefined);
      if (content !== undefined) await sandbox.files.write(join(place, name), content, { mode: 0o755 });
    }
    return fetcherNames.filter((name) => !lacks.has(name));
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

/** As npm installs itself: one directory, where the image has only Node. Answers whether this host has it like that. */
export async function bringNpm(sandbox: Sandbox): Promise<boolean> {
  const { stdout } = await run("npm", ["root", "--global"]).catch(() => ({ stdout: "" }));
  const directory = join(stdout.trim(), "npm");
  if (stdout === "" || !existsSync(join(directory, "node_modules"))) return false;
  const target = "/usr/local/lib/node_modules/npm";
  await sandbox.exec(`mkdir -p ${target}`);
  await sandbox.files.upload(directory, target);
  await sandbox.exec(`ln -s ${target}/bin/npm-cli.js /usr/local/bin/npm && chmod +x ${target}/bin/npm-cli.js`);
  return true;
}

export const fetcherNames = Object.keys(fetchers).filter((name): name is Fetcher => name in fetchers);

export async function fetchWith(sandbox: Sandbox, name: Fetcher, urls: readonly string[]) {
  const { stdout, stderr } = await sandbox.exec(`${fetchers[name]} ${urls.map((url) => `'${url}'`).join(" ")}`);
  return {
    lines: stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.trimEnd()),
    stderr,
  };
}

async function compile(directory: string, name: "fetch" | "Fetch.class"): Promise<boolean> {
  const building: Promise<unknown> =
    name === "fetch"
      ? buildGo("fetch.go", join(directory, name))
      : run("javac", ["--release", "17", "-d", directory, join(import.meta.dirname, "Fetch.java")]);
  return building.then(
    () => true,
    () => false,
  );
}

/** A static program. */
export async function buildGo(source: string, target: string): Promise<void> {
  const { PATH } = process.env;
  const environment = { ...process.env, PATH: `${PATH}:/usr/local/go/bin:/usr/lib/go/bin`, CGO_ENABLED: "0" };
  await run("go", ["build", "-o", target, join(import.meta.dirname, source)], { environment });
}
