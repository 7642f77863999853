/** Every import of every source file: static, type-only, re-exported, dynamic, required. */
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize, relative } from "node:path";

export interface SourceFile {
  /** From the root of the checkout: packages/server/src/host/run.ts. */
  readonly path: string;
  readonly imports: readonly SourceImport[];
}

export interface SourceImport {
  readonly specifier: string;
  /** The file or package meant: a path from the root, `node:name`, or a package's name. */
  readonly target: string;
  /** `import type` and `export type`: nothing of it is left when the program runs. */
  readonly isErased: boolean;
}

/** What only tests use: tests, files with the word in their names, the suite that engines pass. */
export function isForTests(path: string): boolean {
  return /(?:^|[-.])tests?[-.][^/]*$/.test(path.replace(/^.*\//, "")) || /\/engines\/suite(?:\/|\.ts$)/.test(path);
}

/** The files under packages/*\/src that run, and what they import. Tests may import what they like. */
export function readSources(root: string): readonly SourceFile[] {
  const packages = readdirSync(join(root, "packages"));
  return packages.flatMap((name) => {
    const source = join(root, "packages", name, "src");
    const files = readdirSync(source, { recursive: true, encoding: "utf8" });
    return files
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => relative(root, join(source, file)))
      .filter((path) => !isForTests(path))
      .map((path) => readSource(root, path));
  });
}

function readSource(root: string, path: string): SourceFile {
  const text = withoutComments(readFileSync(join(root, path), "utf8"));
  const imports = [...text.matchAll(importPattern)].map(({ groups = {} }) => {
    const specifier = groups.name ?? "";
    return { specifier, target: targetOf(path, specifier), isErased: groups.erased !== undefined };
  });
  return { path, imports };
}

/**
 * `… from "x"` closes every static import and re-export; before it stand a default name, names in braces or a star, and
 * `type` when all of it is erased. The others are `import "x"`, `import("x")`, `require("x")`.
 */
const importPattern =
  /(?:\b(?:import|export)(?<erased>\s+type\b(?!\s*,))?[\s\w$,*]*(?:\{[^}]*\}\s*)?\bfrom\s*|\bimport\s*|\bimport\s*\(\s*|\brequire\s*\(\s*)["'`](?<name>[^"'`\n]+)["'`]/g;

/** Only whole-line and block comments: a `//` inside a string, as in a URL, begins none. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith(".")) {
    return normalize(join(dirname(path), specifier)).replace(/\.js(x?)$/, ".ts$1");
  }
  if (isBuiltin(specifier)) return specifier.startsWith("node:") ? specifier : `node:${specifier}`;
  return specifier;
}
