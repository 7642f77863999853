/** Real builds: mmdebstrap and a builder, as root and as an ordinary user, and one that is killed. */
import { access, chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mountsBelow } from "../../packages/server/src/host/mounts.js";
import { findProcesses } from "../../packages/server/src/host/processes.js";
import { type RunOptions, run } from "../../packages/server/src/host/run.js";
import { createImages } from "../../packages/server/src/images/images.js";
import { isLong } from "../harness/long.js";

const builder = join(import.meta.dirname, "build-one.ts");
const checkout = join(import.meta.dirname, "../..");
const guestDirectory = process.env.ALCOVE_GUEST_DIR ?? join(checkout, "build/guest");
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
let root = "";

/** Small, with files of every kind that an ordinary user cannot make: setuid, setgid, other owners. */
const recipe = {
  description: "for a test",
  suite: "bookworm",
  components: ["main"],
  packages: [],
  leaveOut: ["/usr/share/doc/*", "/usr/share/man/*"],
  environment: { LANG: "C.UTF-8" },
  warm: [],
  buildSpaceMiB: 600,
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "alcove-recipe-"));
  await chmod(root, 0o755);
  await writeFile(ids(), `nobody:200000:65536\n`);
  for (const [name, packages] of [
    ["tiny", []],
    ["capable", ["iputils-ping", "libcap2-bin"]],
    ["losing", ["libcap2-bin"]],
  ] as const) {
    await mkdir(join(root, "recipes", name), { recursive: true });
    const content = JSON.stringify({ ...recipe, packages: [...recipe.packages, ...packages] });
    await writeFile(join(root, "recipes", name, "recipe.json"), content);
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
/** In a mount namespace of its own, where the files that give ids to users are others. */
const withSubordinateIds = [
  ...["unshare", "--mount", "--propagation", "private", "--", "sh", "-c"],
  'mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && exec "$@"',
];
const ids = () => join(root, "subordinate-ids");

const thisUser = { who: "this user", name: isRoot ? "capable" : "tiny", prefix: () => [] as string[], canRun: true };
/** Each takes long; the image that most other tests use is built by the same steps before them. */
const builders = [
  thisUser,
  { who: "nobody", name: "tiny", prefix: () => asNobody, canRun: isRoot },
  {
    who: "nobody with subordinate ids",
    name: "capable",
    prefix: () => [...withSubordinateIds, "sh", ids(), ...asNobody],
    canRun: isRoot,
  },
];

describe.each(isLong ? builders : [])("built by $who", ({ who, name, prefix: prefixOf, canRun }) => {
  test.skipIf(!canRun)(
    `owners, modes, setuid bits and capabilities are those of the packages, and the file system is clean${canRun ? "" : " (skipped: only root can become another user)"}`,
    async ({ skip }) => {
      const prefix = prefixOf();
      if (!(await mayRead(prefix))) skip(`${who} may not read this checkout`);
      const home = join(root, who.replaceAll(" ", "-"));
      await mkdir(home);
      if (prefix.length > 0) await chown(home, nobody, nobody);
      const { stdout } = await buildOne(prefix, home, { name });
      const disk = /^disk (.*)$/m.exec(stdout)?.[1] ?? "";
      expect(await owners(disk, ["/usr/bin/su", "/usr/bin/chage", "/etc/shadow", "/var/mail", "/tmp", "/"])).toEqual([
        "4755 0:0",
        "2755 0:42",
        "0640 0:42",
        "2775 0:8",
        "1777 0:0",
        "0755 0:0",
      ]);
      expect(await owners(disk, ["/etc/environment"])).toEqual(["0644 0:0"]);
      expect(await debugfs(disk, ["cat /etc/environment"])).toBe('LANG="C.UTF-8"\n');
      expect(await debugfs(disk, ["ls /etc", "ls /etc/apt/apt.conf.d"])).not.toMatch(
        /hostname|resolv\.conf|99mmdebstrap/,
      );
      expect(await hasCapability(disk, "/usr/bin/ping")).toBe(name === "capable");
      expect((await debugfs(disk, ["ls -p /dev"])).trim().split("\n")).toHaveLength(2);
      await run("e2fsck", ["-fn", disk], withSbin);
      expect(await readdir(join(home, "images"))).toHaveLength(1);
      for (const left of ["builders", "run/m"]) expect(await readdir(join(home, left))).toEqual([]);
    },
    300_000,
  );
});

const refusal = isLong ? test.skipIf(!isRoot) : undefined;
refusal?.(
  "where capabilities would be lost the build is refused, with what to do",
  async ({ skip }) => {
    if (!(await mayRead(asNobody))) skip("nobody may not read this checkout");
    const home = join(root, "losing");
    await mkdir(home);
    await chown(home, nobody, nobody);
    await expect(buildOne(asNobody, home, { name: "losing" })).rejects.toThrow(/fakeroot cannot keep the capabilities/);
    expect(await readdir(join(home, "images"))).toEqual([]);
  },
  300_000,
);

test("a build that is killed leaves its work to the next daemon, which ends and removes all of it", async () => {
  const images = join(root, "killed/images");
  await expect(
    buildOne([], join(root, "killed"), {
      onLine: (line, pid) => line === "Setting up the base system" && process.kill(pid, "SIGKILL"),
    }),
  ).rejects.toThrow("signal SIGKILL");
  const [workplace = ""] = await readdir(images);
  expect(workplace).toMatch(/^building-/);
  const scratch = `/var/tmp/alcove-${workplace}`;
  await access(scratch);
  expect(await mountsBelow(scratch)).toEqual([]);
  const swept = await (await createImages({ directory: images, recipesDirectory: join(root, "recipes") })).sweep();
  expect(swept).toEqual([expect.stringContaining(`Removed ${workplace}`)]);
  expect(await readdir(images)).toEqual([]);
  await expect(access(scratch)).rejects.toThrow("ENOENT");
  expect(await findProcesses((argv) => argv.some((argument) => argument.includes(workplace)))).toEqual([]);
}, 120_000);

/** A checkout below a home directory is often closed to others. */
async function mayRead(prefix: readonly string[]): Promise<boolean> {
  const [program = "", ...args] = [...prefix, "test", "-r", builder];
  return run(program, args).then(
    () => true,
    () => false,
  );
}

interface Watch {
  readonly name?: string;
  readonly onLine?: (line: string, pid: number) => void;
}

function buildOne(prefix: readonly string[], home: string, { name = "tiny", onLine }: Watch = {}) {
  let pid = 0;
  const [program = "", ...args] = [...prefix, process.execPath, "--import", "tsx", builder];
  const { PATH } = process.env;
  return run(program, [...args, home, join(root, "recipes"), name, guestDirectory], {
    environment: { PATH, HOME: home },
    workingDirectory: checkout,
    onStart: (started) => (pid = started),
    onLine: (line) => onLine?.(line, pid),
  });
}

const withSbin: RunOptions = { environment: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" } };

/** `MODE UID:GID` of each path on the disk. */
async function owners(disk: string, paths: readonly string[]): Promise<readonly string[]> {
  const said = await debugfs(
    disk,
    paths.map((path) => `stat ${path}`),
  );
  return [...said.matchAll(/Mode:\s+0?(\d{4})[\s\S]*?User:\s+(\d+)\s+Group:\s+(\d+)/g)].map(
    ([, mode, user, group]) => `${mode} ${user}:${group}`,
  );
}

async function hasCapability(disk: string, path: string): Promise<boolean> {
  return (await debugfs(disk, [`ea_list ${path}`])).includes("security.capability");
}

async function debugfs(disk: string, commands: readonly string[]): Promise<string> {
  const { stdout } = await run("debugfs", ["-f", "-", disk], { ...withSbin, input: `${commands.join("\n")}\n` });
  return stdout.replace(/^debugfs: .*\n/gm, "");
}
