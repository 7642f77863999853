/** Reads the configuration: environment before alcove.json before defaults. Everything that is wrong is told at once. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AlcoveError, faultWords } from "@alcove/contract";
import { z } from "zod";
import { Config, type Environment, fixedDefaults, hostDefaults, isRoot, type Key, variables } from "./config.js";
import { networkFault } from "./config-network.js";
import { previewFault } from "./config-previews.js";
import { signInFault } from "./config-sign-in.js";
import { tcpPortsFault } from "./config-tcp-ports.js";

export interface ReadConfiguration {
  readonly config: Config;
  /** The file, and whether it is there. */
  readonly file: string;
  readonly isFilePresent: boolean;
}

/** With the rules between keys. */
const Whole = Config.superRefine((config, context) => {
  const fault = networkFault(config) ?? previewFault(config) ?? signInFault(config) ?? tcpPortsFault(config);
  if (fault !== undefined) context.addIssue({ code: "custom", path: [fault.key], message: fault.message });
});

/** Answers the configuration, or throws one error: of the first thing that is wrong its field, of all their sentences. */
export function readConfig(environment: Environment = process.env): ReadConfiguration {
  const file = join(configDirectory(environment), "alcove.json");
  const inFile = readFile(file);
  const written = { ...inFile, ...fromEnvironment(environment) };
  const parsed = Whole.safeParse({ ...hostDefaults(environment), ...fixedDefaults, ...written }, { error: faultWords });
  if (parsed.success) return { config: parsed.data, file, isFilePresent: inFile !== undefined };
  throw together(parsed.error.issues.flatMap((issue) => refusals(issue, written, { file, environment })));
}

/** $ALCOVE_CONFIG_DIR, else /etc/alcove as root, else $XDG_CONFIG_HOME/alcove, else ~/.config/alcove. */
export function configDirectory(environment: Environment): string {
  const { ALCOVE_CONFIG_DIR, XDG_CONFIG_HOME } = environment;
  if (ALCOVE_CONFIG_DIR) return ALCOVE_CONFIG_DIR;
  return isRoot() ? "/etc/alcove" : join(XDG_CONFIG_HOME || join(homedir(), ".config"), "alcove");
}

/** `$schema` is for the editor that the file is written with. */
function readFile(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
  try {
    const { $schema, ...keys } = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    return $schema === undefined || typeof $schema === "string" ? keys : { ...keys, $schema };
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
    return [[key, valueIn(text, Config.shape[key])] as const];
  });
  return Object.fromEntries(found);
}

function valueIn(text: string, schema: z.ZodType): unknown {
  if (schema instanceof z.ZodArray) return text.split(",").map((part) => part.trim());
  if (schema instanceof z.ZodOptional && schema.unwrap() instanceof z.ZodObject) return parsedOr(text);
  return schema instanceof z.ZodNumber && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

interface Place {
  readonly file: string;
  readonly environment: Environment;
}

function refusals(issue: z.core.$ZodIssue, written: Readonly<Record<string, unknown>>, place: Place): AlcoveError[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, place));
  const key = String(issue.path[0]);
  const variable = (variables as Readonly<Record<string, string>>)[key] ?? "";
  const value = shown(written[key]);
  const source = place.environment[variable] ? `the environment variable ${variable}` : place.file;
  const sentence = `The configuration key ${key} is ${value}: ${issue.message}.`;
  return [new AlcoveError("InvalidRequest", sentence, { field: key, value, hint: `Correct it in ${source}.` })];
}

function unknownKey(key: string, { file }: Place): AlcoveError {
  const hint = `Remove it from ${file}; the keys are ${Object.keys(variables).join(", ")}.`;
  return new AlcoveError("InvalidRequest", `There is no configuration key ${key}.`, { field: key, hint });
}

function shown(value: unknown): string {
  return (typeof value === "object" ? JSON.stringify(value) : String(value)).slice(0, 200);
}

function together(errors: readonly AlcoveError[]): AlcoveError {
  const [first] = errors;
  if (first === undefined) throw new Error("The configuration was refused without a reason");
  if (errors.length === 1) return first;
  const lines = errors.map(({ message, hint }) => `  ${message} ${hint}`);
  const { field, value } = first;
  return new AlcoveError(
    "InvalidRequest",
    `${errors.length} things are wrong in the configuration:\n${lines.join("\n")}`,
    {
      ...(field !== undefined && { field }),
      ...(value !== undefined && { value }),
      hint: "\n`alcoved --check-config` looks again without starting anything.",
      cause: new AggregateError(errors),
    },
  );
}
