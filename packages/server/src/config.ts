/**
 * The daemon's configuration: one schema, one reader. A key's value comes from the environment, else from alcove.json in
 * the configuration directory, else from its default.
 *
 * To add a key: 1. its schema in `Config`  2. its variable in `variables`  3. its default in `defaults`.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import { type CrashPointName, crashPoints } from "./control/crash-points.js";

const AbsolutePath = z.string().refine(isAbsolute, "must be an absolute path");
const gibibyte = 1_073_741_824;

/** `name` or `name:n`, for the crash tests. */
const CrashAt = z
  .string()
  .regex(/^[a-zA-Z.]+(?::[1-9]\d{0,3})?$/, "must be a crash point, or one with a count: create.afterStart:2")
  .transform((text) => {
    const [name = "", passage = "1"] = text.split(":");
    return { name: name as CrashPointName, passage: Number(passage) };
  })
  .refine(({ name }) => crashPoints.includes(name), `must name one of ${crashPoints.join(", ")}`);

export const Config = z.strictObject({
  /** Sandboxes' disks, templates, images and the database. */
  dataDirectory: AbsolutePath,
  /** Sockets and the file with the process id; short, since socket paths are. */
  runtimeDirectory: AbsolutePath,
  /** Kernel, initramfs and agent of the guests. */
  guestDirectory: AbsolutePath,
  /** Recipes of images. */
  recipesDirectory: AbsolutePath,
  /** auto: the strongest there is. fake has no boundary: for tests. */
  engine: z.enum(["auto", "microvm", "fake"]),
  /** Sandboxes that start at the same time; the others wait. */
  maxConcurrentCreates: z.number().int().min(1).max(256),
  /** How long a creation may wait for room on the host. */
  queueTimeoutMs: z.number().int().min(1_000).max(86_400_000),
  /** Memory of the host that is not for sandboxes. */
  reservedMemoryMiB: z.number().int().min(0).max(1_048_576),
  /** How often the rest may be promised: 1.5 promises half of it twice. */
  memoryOvercommit: z.number().min(0.1).max(16),
  /** No sandbox is created while less is free on the disk of the data directory. */
  freeSpaceMarkBytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]),
  crashAt: CrashAt.optional(),
});
export type Config = z.output<typeof Config>;

type Key = keyof Config;
type Environment = Readonly<Record<string, string | undefined>>;

/** Where each key is read from in the environment. */
export const variables = {
  dataDirectory: "ALCOVE_DATA_DIR",
  runtimeDirectory: "ALCOVE_RUNTIME_DIR",
  guestDirectory: "ALCOVE_GUEST_DIR",
  recipesDirectory: "ALCOVE_RECIPES_DIR",
  engine: "ALCOVE_ENGINE",
  maxConcurrentCreates: "ALCOVE_MAX_CONCURRENT_CREATES",
  queueTimeoutMs: "ALCOVE_QUEUE_TIMEOUT_MS",
  reservedMemoryMiB: "ALCOVE_RESERVED_MEMORY_MIB",
  memoryOvercommit: "ALCOVE_MEMORY_OVERCOMMIT",
  freeSpaceMarkBytes: "ALCOVE_FREE_SPACE_MARK_BYTES",
  logLevel: "ALCOVE_LOG_LEVEL",
  crashAt: "ALCOVE_CRASH_AT",
} as const satisfies Record<Key, string>;

/** Reads and checks everything; the first thing that is wrong is an error with key, value and hint. */
export function readConfig(environment: Environment = process.env): Config {
  const file = join(configDirectory(environment), "alcove.json");
  const written = { ...readFile(file), ...fromEnvironment(environment) };
  const parsed = Config.safeParse({ ...defaults(environment), ...written });
  if (parsed.success) return parsed.data;
  throw refusal(parsed.error.issues[0], written, { file, environment });
}

/** $ALCOVE_CONFIG_DIR, else /etc/alcove as root, else $XDG_CONFIG_HOME/alcove, else ~/.config/alcove. */
export function configDirectory(environment: Environment): string {
  const { ALCOVE_CONFIG_DIR, XDG_CONFIG_HOME } = environment;
  if (ALCOVE_CONFIG_DIR) return ALCOVE_CONFIG_DIR;
  return isRoot() ? "/etc/alcove" : join(XDG_CONFIG_HOME || join(homedir(), ".config"), "alcove");
}

function defaults({ XDG_RUNTIME_DIR }: Environment): z.input<typeof Config> {
  const runtimeOfUser = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "alcove") : `/tmp/alcove-${userInfo().uid}`;
  return {
    dataDirectory: isRoot() ? "/var/lib/alcove" : join(homedir(), ".local/share/alcove"),
    runtimeDirectory: isRoot() ? "/run/alcove" : runtimeOfUser,
    guestDirectory: inCheckout("build/guest"),
    recipesDirectory: inCheckout("images"),
    engine: "auto",
    maxConcurrentCreates: Math.max(2, availableParallelism()),
    queueTimeoutMs: 120_000,
    reservedMemoryMiB: 1_024,
    memoryOvercommit: 1.5,
    freeSpaceMarkBytes: gibibyte,
    logLevel: "info",
  };
}

function isRoot(): boolean {
  return userInfo().uid === 0;
}

/** This file is packages/server/dist/config.js of the checkout. */
function inCheckout(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

function readFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw unreadable(path, error);
  }
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): AlcoveError {
  const reason =
    cause instanceof SyntaxError ? cause.message : cause instanceof z.ZodError ? "not an object" : String(cause);
  const hint = "Make it a JSON object that the daemon's user can read, or remove it.";
  return new AlcoveError("InvalidRequest", `The configuration ${path} cannot be read: ${reason}.`, { hint, cause });
}

/** Numbers are written as text there; what is no number stays text and fails the schema. */
function fromEnvironment(environment: Environment): Record<string, unknown> {
  const found = (Object.keys(variables) as Key[]).flatMap((key) => {
    const text = environment[variables[key]];
    if (text === undefined || text === "") return [];
    const isNumeric = Config.shape[key] instanceof z.ZodNumber && /^\d+(?:\.\d+)?$/.test(text);
    return [[key, isNumeric ? Number(text) : text] as const];
  });
  return Object.fromEntries(found);
}

function refusal(
  issue: z.core.$ZodIssue | undefined,
  written: Readonly<Record<string, unknown>>,
  { file, environment }: { readonly file: string; readonly environment: Environment },
): AlcoveError {
  if (issue?.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const hint = `Remove it from ${file}; the keys are ${Object.keys(variables).join(", ")}.`;
    return new AlcoveError("InvalidRequest", `There is no configuration key ${key}.`, { field: key, hint });
  }
  const key = String(issue?.path[0]);
  const variable = (variables as Readonly<Record<string, string>>)[key] ?? "";
  const value = String(written[key]).slice(0, 200);
  const source = environment[variable] ? `the environment variable ${variable}` : file;
  const sentence = `The configuration key ${key} is ${value}: ${issue?.message}.`;
  return new AlcoveError("InvalidRequest", sentence, { field: key, value, hint: `Correct it in ${source}.` });
}
