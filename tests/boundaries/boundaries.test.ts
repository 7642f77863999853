import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { isForTests, readSources } from "./source-imports.js";
import { violations } from "./violations.js";

const checkout = join(import.meta.dirname, "../..");

test("the sources keep the import law, start processes only in their place, and have no cycles", () => {
  const sources = readSources(checkout);
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.flatMap((file) => file.imports).length).toBeGreaterThan(300);
  for (const name of ["contract", "sdk", "cli", "server"]) {
    expect(sources.some((file) => file.path.startsWith(`packages/${name}/src/`))).toBe(true);
  }
  expect(violations(sources)).toEqual([]);
});

test("the gateway's process loads nothing that writes certificates", () => {
  const loaded = loadedBy("packages/server/src/egress/worker-main.ts");
  expect(loaded).toContain("packages/server/src/egress/messages.ts");
  const writing = ["@peculiar/x509", "selfsigned", "packages/server/src/egress/certificates/authority.ts"];
  expect([...loaded].filter((target) => writing.includes(target))).toEqual([]);
  expect([...loadedBy("packages/server/src/main.ts")]).toEqual(expect.arrayContaining(writing));
});

test("the relay's process loads nothing but what takes an agent's answers apart", () => {
  const loaded = [...loadedBy("packages/server/src/guest/relay/worker-main.ts")];
  expect(loaded).toContain("packages/server/src/guest/session.ts");
  const own = /^(packages\/server\/src\/(guest|lib|worker-process)\/|@alcove\/contract$|node:|zod$)/;
  expect(loaded.filter((target) => !own.test(target))).toEqual([]);
});

test("sessions of HTTP/2 are made in one place, which keeps Node from freeing what it reads", () => {
  const making = readSources(checkout)
    .filter(({ path, imports }) => !isForTests(path) && imports.some(({ target }) => /^(node:)?http2$/.test(target)))
    .map(({ path }) => path)
    .filter((path) =>
      /\b(connect|performServerHandshake|create(Secure)?Server)\(/.test(readFileSync(join(checkout, path), "utf8")),
    );
  expect(making).toEqual(["packages/server/src/lib/http2-sessions.ts"]);
});

test("A request's headers by name are read in one place: Node's own way to them throws where a peer wants it to", () => {
  const reading = readSources(checkout)
    .map(({ path }) => path)
    .filter((path) => /\bheadersDistinct\b/.test(readFileSync(join(checkout, path), "utf8")));
  expect(reading).toEqual(["packages/server/src/lib/grouped-headers.ts"]);
});

test("OpenTelemetry is imported in one file, which is loaded where traces are on", () => {
  const importers = (matches: (target: string) => boolean) =>
    readSources(checkout)
      .filter(({ imports }) => imports.some(({ target }) => matches(target)))
      .map(({ path }) => path);
  expect(importers((target) => target.startsWith("@opentelemetry/"))).toEqual([
    "packages/server/src/open-telemetry.ts",
  ]);
  expect(importers((target) => target === "packages/server/src/open-telemetry.ts")).toEqual([
    "packages/server/src/tracing.ts",
  ]);
  const text = readFileSync(join(checkout, "packages/server/src/tracing.ts"), "utf8");
  expect(text.match(/.*open-telemetry\.js.*/g)).toEqual([
    '  const { openTelemetry } = await import("./open-telemetry.js");',
  ]);
});

test("folders of the gateway import from one another without a circle, of types too", () => {
  const folderOf = (path: string) => /^packages\/server\/src\/egress\/([^/]+)\//.exec(path)?.[1];
  const pairs = readSources(checkout)
    .filter(({ path }) => !isForTests(path))
    .flatMap(({ path, imports }) => imports.map(({ target }) => [folderOf(path), folderOf(target)] as const))
    .filter(([from, to]) => from !== undefined && to !== undefined && from !== to);
  expect(pairs.length).toBeGreaterThan(50);
  for (const folder of new Set(pairs.map(([from]) => from))) {
    const reached = new Set([folder]);
    for (const each of reached) for (const [from, to] of pairs) if (from === each) reached.add(to);
    reached.delete(folder);
    const closing = pairs.filter(([from, to]) => to === folder && reached.has(from)).map(([from]) => from);
    expect({ folder, closing }).toEqual({ folder, closing: [] });
  }
});

/** All that a program's first file imports, and what that imports. */
function loadedBy(path: string): ReadonlySet<string> {
  const files = new Map(readSources(checkout).map((file) => [file.path, file]));
  const loaded = new Set([path]);
  for (const each of loaded) {
    for (const { isErased, target } of files.get(each)?.imports ?? []) if (!isErased) loaded.add(target);
  }
  return loaded;
}

describe("a planted violation is found", () => {
  const planted: string[] = [];
  afterEach(() => {
    for (const root of planted.splice(0)) rmSync(root, { recursive: true });
  });

  function found(files: Readonly<Record<string, string>>): readonly string[] {
    const root = mkdtempSync(join(tmpdir(), "alcove-boundaries-"));
    planted.push(root);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, "packages", path)), { recursive: true });
      writeFileSync(join(root, "packages", path), text);
    }
    return violations(readSources(root));
  }

  test.each([
    ["a value", 'import { x } from "../store/x.js";'],
    ["a type", 'import type { X } from "../store/x.js";'],
    ["a type among values", 'import { a,\n  type X,\n} from "../store/x.js";'],
    ["a re-export", 'export { x } from "../store/x.js";'],
    ["all of a module", 'export * as x from "../store/x.js";'],
    ["only its effects", 'import "../store/x.js";'],
    ["a dynamic import", 'const x = await import("../store/x.js");'],
    ["a type by dynamic import", 'type X = import("../store/x.js").X;'],
    ["after a URL in a string", 'const u = "http://x"; import("../store/x.js");'],
  ])("%s of a forbidden module", (_, text) => {
    const seen = found({ "server/src/http/a.ts": text, "server/src/store/x.ts": "export const x = 1;" });
    expect(seen).toEqual(["packages/server/src/http/a.ts (server/http) imports ../store/x.js (server/store)."]);
  });

  test.each([
    ["contract", "sdk", "contract/src/a.ts", "alcove"],
    ["sdk", "server", "sdk/src/a.ts", "@alcove/server/daemon"],
    ["cli", "server", "cli/src/commands/a.ts", "@alcove/server"],
    ["server/images", "server/engine", "server/src/images/a.ts", "../engines/engine.js"],
    ["server/engines/fake", "server/engines/microvm", "server/src/engines/fake/a.ts", "../microvm/microvm.js"],
    ["server/control", "server/host", "server/src/control/a.ts", "../host/run.js"],
    ["server/control", "server/engines/microvm", "server/src/control/a.ts", "../engines/microvm/microvm.js"],
    ["server/http", "server/main", "server/src/http/a.ts", "../main.js"],
    ["server/compat/azure", "server/compat/e2b", "server/src/compat/azure/a.ts", "../e2b/b.js"],
  ])("%s reaches for %s", (from, to, path, specifier) => {
    const seen = found({ [path]: `import { x } from "${specifier}";` });
    expect(seen).toEqual([`packages/${path} (${from}) imports ${specifier} (${to}).`]);
  });

  test.each(["node:child_process", "child_process"])("a process started through %s outside host/", (name) => {
    const text = `import { spawn } from "${name}";`;
    const files = { "server/src/guest/a.ts": text, "server/src/host/b.ts": text, "sdk/src/local.ts": text };
    expect(found(files)).toHaveLength(1);
  });

  const circle = (closing: string) => ({
    "server/src/lib/a.ts": 'import { b } from "./b.js";',
    "server/src/lib/b.ts": 'export * from "./c.js";',
    "server/src/lib/c.ts": closing,
  });

  test("a cycle between files", () => {
    const names = ["a", "b", "c", "a"].map((name) => `packages/server/src/lib/${name}.ts`);
    expect(found(circle('import { a, type A } from "./a.js";'))).toEqual([`Cycle: ${names.join(" → ")}.`]);
    expect(found(circle('import type { A } from "./a.js";'))).toEqual([]);
  });

  test("what is only for tests, in a program", () => {
    const seen = found({
      "server/src/control/a.ts": 'import { serve } from "./test-daemon.js";',
      "server/src/control/test-daemon.ts": 'import { run } from "../host/run.js";',
    });
    expect(seen).toEqual(["packages/server/src/control/a.ts imports ./test-daemon.js, which is only for tests."]);
  });

  test("a folder that no law is written for, and a way round through another tree", () => {
    const seen = found({
      "server/src/utils/a.ts": "export const x = 1;",
      "server/src/lib/b.ts": 'import "../../../../tests/x.js";',
    });
    expect(seen).toHaveLength(2);
  });
});
