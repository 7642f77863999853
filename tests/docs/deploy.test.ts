/** The files of deploy/ name what there is: programs, directories, variables; and keep what sandboxes live by. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { variables } from "../../packages/server/src/config.js";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, "deploy", name), "utf8");
const units = ["alcove.service", "alcove-user.service"] as const;
const knownVariables = [...Object.values<string>(variables), "ALCOVE_CONFIG_DIR"];

/** Every value of a directive. */
function values(unit: string, directive: string): string[] {
  return [...unit.matchAll(new RegExp(`^${directive}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

test.each(units)("%s starts what there is, and stops the daemon without its sandboxes", (name) => {
  const unit = read(name);
  for (const start of [...values(unit, "ExecStart"), ...values(unit, "ExecStartPre")])
    expect(existsSync(join(root, start.split(" ")[0]?.replace(/^(?:\/opt|%h)\/alcove\//, "") ?? ""))).toBe(true);
  for (const setting of values(unit, "Environment")) expect(knownVariables).toContain(setting.split("=")[0]);
  expect(values(unit, "KillMode")).toEqual(["process"]);
  expect(values(unit, "RuntimeDirectoryPreserve")).toEqual(["yes"]);
  expect(values(unit, "Restart")).toEqual(["on-failure"]);
  // The daemon gives up after 15 s by itself.
  expect(Number(values(unit, "TimeoutStopSec")[0])).toBeGreaterThan(15);
  // Each of these keeps the engine or the building of images from working.
  for (const harmful of [
    "ProtectControlGroups",
    "PrivateDevices",
    "RestrictSUIDSGID",
    "MemoryDenyWriteExecute",
    "PrivateTmp",
  ])
    expect(values(unit, harmful)).toEqual([]);
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
const lack = hasSystemd ? "" : " (skipped: systemd-analyze is not installed)";

test.runIf(hasSystemd)(`systemd finds nothing to complain about${lack}`, () => {
  const directory = mkdtempSync(join(tmpdir(), "alcove-units-"));
  try {
    for (const name of units) {
      const path = join(directory, name);
      // The program need not be installed for the unit to be right.
      writeFileSync(path, read(name).replace(/(?:\/opt|%h)\/alcove\/packages\/server\/bin\/alcoved/g, "/bin/true"));
      const manager = name === "alcove-user.service" ? ["--user"] : [];
      const complaint = spawnSync("systemd-analyze", ["verify", "--man=no", ...manager, path], {
        encoding: "utf8",
        env: { ...process.env, XDG_RUNTIME_DIR: directory },
      });
      expect(complaint.stderr.split("\n").filter((line) => line.includes(name))).toEqual([]);
      expect(complaint.status).toBe(0);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the container's definition copies what there is, and names no registry", () => {
  const definition = read("Containerfile");
  const copied = [...definition.matchAll(/^COPY (\S+)/gm)].map(([, path = ""]) => path);
  expect(copied.length).toBeGreaterThan(3);
  const kept = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" });
  // What is built is there after `./dev build`.
  const built = ["node_modules", "build/guest"];
  for (const path of copied.filter((each) => !built.includes(each)))
    expect(kept).toMatch(new RegExp(`^${path.replaceAll(".", "\\.")}(?:/|$)`, "m"));
  expect(definition).toMatch(/^FROM \$\{BASE\}$/m);
  const settings = [...definition.matchAll(/(ALCOVE_\w+)=/g)].map(([, variable = ""]) => variable);
  expect(settings.filter((variable) => !knownVariables.includes(variable))).toEqual([]);
});
