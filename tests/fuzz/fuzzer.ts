/** Schemathesis, a fuzzer of HTTP APIs by their OpenAPI document, in a Python environment of its own under build/. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../build/fuzzer/bin/schemathesis", import.meta.url));

/** `./dev test` installs it where Python can have environments. */
export const hasFuzzer = existsSync(program);

export interface FuzzOptions {
  readonly url: string;
  readonly key: string;
  /** Where it works: its configuration and the document lie there. */
  readonly directory: string;
  readonly document: unknown;
  /** Values of path parameters that lead to something. */
  readonly known: Readonly<Record<string, string>>;
  readonly excluded: readonly string[];
  readonly seconds: number;
  readonly examples: number;
}

export interface FuzzResult {
  readonly cases: number;
  /** How many operations of the document it got to. */
  readonly operations: number;
  /** What it complains of, empty when there is nothing. */
  readonly complaint: string;
}

/** A fixed seed, so that a run can be had again; another one by the environment. */
const seed = process.env.ALCOVE_FUZZ_SEED ?? "20260131";

const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "unsupported_method",
];

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  await writeFile(join(options.directory, "schemathesis.toml"), configuration(options));
  await writeFile(join(options.directory, "openapi.json"), JSON.stringify(options.document));
  const child = start(
    [
      ...[
        "--config-file",
        "schemathesis.toml",
        "run",
        "openapi.json",
        "--header",
        `authorization: Bearer ${options.key}`,
      ],
      ...["--phases", "coverage,fuzzing", "--checks", checks.join(","), "--continue-on-failure", "--no-color"],
      ...["--max-examples", `${options.examples}`, "--max-time", `${options.seconds}`, "--request-timeout", "30"],
      ...["--seed", seed, "--generation-database", "none", "--warnings", "off"],
      ...options.excluded.flatMap((id) => ["--exclude-operation-id", id]),
    ],
    options.directory,
  );
  const [output, errors, [exitCode]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, "close") as Promise<[number | null]>,
  ]);
  const cases = Number(/(\d+) generated/.exec(output)?.[1] ?? 0);
  const operations = Number(/Tested: (\d+)/.exec(output)?.[1] ?? 0);
  return { cases, operations, complaint: exitCode === 0 ? "" : shortened(output + errors) };
}

function start(args: readonly string[], cwd: string): ChildProcess {
  return spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
}

/** 413 and 431 refuse as well as 400 does. */
function configuration({ url, known }: FuzzOptions): string {
  const values = Object.entries(known).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`);
  return `base-url = ${JSON.stringify(url)}

[parameters]
${values.join("\n")}

[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 416, 429, 431]
`;
}

function shortened(output: string): string {
  const from = Math.max(0, output.indexOf("= FAILURES ="));
  return output
    .slice(from, from + 20_000)
    .split("\n")
    .map((line) => line.slice(0, 300))
    .join("\n");
}
