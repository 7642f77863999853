/** What the sources do that the import law forbids: one sentence each. */
import { guardedBuiltins, importLaw } from "./import-law.js";
import { isForTests, type SourceFile } from "./source-imports.js";

const ourPackages: Readonly<Record<string, string>> = {
  "@alcove/contract": "contract",
  "@alcove/server": "server",
  "@alcove/cli": "cli",
  "@alcove/mcp": "mcp",
  "@alcove/portal": "portal",
  alcove: "sdk",
};

export function violations(sources: readonly SourceFile[]): readonly string[] {
  return [...sources.flatMap(brokenLaws), ...sources.flatMap(strayBuiltins), ...cycles(sources)];
}

/** The module that a source file belongs to; undefined for a target that is no file or package of ours. */
export function moduleOf(target: string): string | undefined {
  const packageName = Object.keys(ourPackages).find((name) => target === name || target.startsWith(`${name}/`));
  if (packageName !== undefined) return ourPackages[packageName];
  const [, name, inside = ""] = /^packages\/([^/]+)\/src\/(.*)$/.exec(target) ?? [];
  if (name !== "server") return name;
  if (inside.startsWith("engines/")) return engineModule(inside);
  const [folder = "", below] = inside.split("/", 2);
  if (folder === "compat") return inside.split("/").slice(0, 2).join("/").replace(/^/, "server/");
  return below === undefined ? "server/main" : `server/${folder}`;
}

/** Files directly in engines/ are the interface and its suite; folders are engines. */
function engineModule(inside: string): string {
  const [, engine = "", below] = inside.split("/", 3);
  return below === undefined ? "server/engine" : `server/engines/${engine}`;
}

function brokenLaws(file: SourceFile): readonly string[] {
  const from = moduleOf(file.path);
  const law = from === undefined ? undefined : (importLaw[from] ?? importLaw[from.replace(/[^/]+$/, "*")]);
  if (law === undefined) return [`${file.path} is in no module that the import law knows.`];
  return file.imports.flatMap(({ specifier, target }) => {
    if (isForTests(target)) return [`${file.path} imports ${specifier}, which is only for tests.`];
    const to = moduleOf(target);
    if (to === undefined) return leavesPackages(file.path, target);
    const isAllowed = to === from || law.mayImport.includes(to) || (law.mayImport.includes("*") && to !== "cli");
    return isAllowed ? [] : [`${file.path} (${from}) imports ${specifier} (${to}).`];
  });
}

/** A relative path out of the packages would go round the law. */
function leavesPackages(path: string, target: string): readonly string[] {
  const isRelative = target.includes("/") && !target.startsWith("@") && !target.startsWith("node:");
  const isElsewhere = isRelative && /^(?:\.\.|packages|tests|bench|tools|examples|agent)\//.test(target);
  return isElsewhere ? [`${path} imports ${target}, which is not in a package's src.`] : [];
}

function strayBuiltins(file: SourceFile): readonly string[] {
  return file.imports.flatMap(({ target }) => {
    const places = guardedBuiltins[target.replace(/^node:/, "")];
    if (places === undefined || places.some((place) => place.test(file.path))) return [];
    return [`${file.path} imports ${target}; only ${places.map(String).join(" and ") || "nothing"} may.`];
  });
}

/** Cycles between files as they run, each told once, from its first file in the order of names. */
function cycles(sources: readonly SourceFile[]): readonly string[] {
  const loaded = (file: SourceFile) => file.imports.filter((each) => !each.isErased).map(({ target }) => target);
  const edges = new Map(sources.map((file) => [file.path, loaded(file)]));
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push(`Cycle: ${[...trail.slice(at), path].join(" → ")}.`);
    if (at >= 0 || finished.has(path)) return;
    for (const next of edges.get(path) ?? []) if (edges.has(next)) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of [...edges.keys()].sort()) visit(path, []);
  return found;
}
