/**
 * Every example in TypeScript that users see: fenced blocks of docs/*.md, of the SDK's README, and of doc comments. What
 * stands behind `ts` says how it is tried: nothing (run with the fake engine), `real` (run in a real sandbox), or
 * `types: REASON` (only checked by the compiler).
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface PublicExample {
  readonly place: string;
  readonly code: string;
  readonly kind: "fake" | "real" | "types";
}

const root = join(import.meta.dirname, "../..");

export async function publicExamples(): Promise<readonly PublicExample[]> {
  const sources = (await readdir(join(root, "packages/sdk/src"), { recursive: true }))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `packages/sdk/src/${name}`);
  const pages = (await readdir(join(root, "docs")))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`);
  const found = await Promise.all(["packages/sdk/README.md", ...pages, ...sources].map(examplesOf));
  return found.flat();
}

async function examplesOf(path: string): Promise<readonly PublicExample[]> {
  const text = await readFile(join(root, path), "utf8");
  const plain = path.endsWith(".ts") ? text.replace(/^ *\* ?/gm, "") : text;
  return [...plain.matchAll(/^```(?:ts|typescript)\b[ ]*([^\n]*)\n([\s\S]*?)^```/gm)].map(
    ([, how = "", code = ""], index) => ({
      place: `${path} ${index + 1}`,
      code,
      kind: kindOf(how, path),
    }),
  );
}

function kindOf(how: string, path: string): PublicExample["kind"] {
  if (how === "") return "fake";
  if (how === "real") return "real";
  if (/^types: .{10,}/.test(how)) return "types";
  throw new Error(`${path} has an example that says ${JSON.stringify(how)}: nothing, real, or types: and why.`);
}
