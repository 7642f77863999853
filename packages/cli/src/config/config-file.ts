/** The CLI's file: contexts, and which of them is current. Read with every command, so as plain JSON and at once. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../exit-codes.js";
import { type Context, type SettingName, settingNames, settingTable } from "./settings.js";

export interface ConfigFile {
  readonly path: string;
  readonly currentContext: string | undefined;
  readonly contexts: Readonly<Record<string, Context>>;
  /** Its permissions, where there is a file. */
  readonly mode?: number;
  /** Why a key in it is not used: others can read it, or it is not ours. */
  readonly distrust?: string;
}

const maximumBytes = 1_048_576;
const othersBits = 0o077;
const contextPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** $XDG_CONFIG_HOME/alcove/config.json, else ~/.config/alcove/config.json. */
export function configPath(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "alcove/config.json");
}

export function readConfig(path = configPath()): ConfigFile {
  const found = readIfThere(path);
  if (found === undefined) return { path, currentContext: undefined, contexts: {} };
  const { text, mode, uid } = found;
  return { path, mode, ...distrustOf(path, mode, uid), ...parseConfig(text, path) };
}

export function checkContextName(name: string): void {
  if (contextPattern.test(name)) return;
  throw new UsageError(
    `The context's name ${JSON.stringify(name)} is none.`,
    "Take 1 to 64 letters, digits, dots, underscores or hyphens.",
  );
}

/** A value of a setting, or why it cannot be one. */
export function checkSetting(name: SettingName, value: string, where: string): void {
  const wrong = settingTable[name].wrong(value);
  if (wrong === undefined) return;
  const seen = settingTable[name].isSecret ? "it" : JSON.stringify(value);
  throw new UsageError(`${name} (${where}): ${seen} ${wrong}.`, "`alcove config show` lists all values.");
}

function readIfThere(path: string): { text: string; mode: number; uid: number } | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refusal(path, message);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > maximumBytes) throw refusal(path, "it is no file of at most 1 MiB");
    return { text: readFileSync(file, "utf8"), mode: stats.mode & 0o777, uid: stats.uid };
  } finally {
    closeSync(file);
  }
}

function distrustOf(path: string, mode: number, uid: number): { distrust?: string } {
  const ours = process.getuid?.() ?? 0;
  if (uid !== ours && uid !== 0) return { distrust: `${path} belongs to uid ${uid}` };
  return (mode & othersBits) === 0 ? {} : { distrust: `others can read ${path} (mode ${mode.toString(8)})` };
}

function parseConfig(text: string, path: string): Pick<ConfigFile, "currentContext" | "contexts"> {
  const { currentContext, contexts = {}, ...unknown } = objectOf(parseJson(text, path), path, "the file");
  refuseUnknown(unknown, path, "the file");
  if (currentContext !== undefined && typeof currentContext !== "string") {
    throw refusal(path, "currentContext is no text");
  }
  const entries = Object.entries(objectOf(contexts, path, "contexts"));
  const parsed = entries.map(([name, value]) => [name, parseContext(name, value, path)] as const);
  return { currentContext, contexts: Object.fromEntries(parsed) };
}

function parseContext(name: string, value: unknown, path: string): Context {
  const place = `the context ${JSON.stringify(name)}`;
  const found = objectOf(value, path, place);
  const known = new Set<string>(settingNames);
  refuseUnknown(Object.fromEntries(Object.entries(found).filter(([key]) => !known.has(key))), path, place);
  for (const [key, setting] of Object.entries(found)) {
    if (typeof setting !== "string") throw refusal(path, `${key} of ${place} is no text`);
    checkSetting(key as SettingName, setting, `${place} of ${path}`);
  }
  return found as Context;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Node's sentence quotes the text, and with it perhaps a key.
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    throw refusal(path, `it is no JSON${position === undefined ? "" : `: line ${lineOf(text, Number(position))}`}`);
  }
}

function lineOf(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

function objectOf(value: unknown, path: string, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refusal(path, `${place} is no object`);
}

function refuseUnknown(unknown: Readonly<Record<string, unknown>>, path: string, place: string): void {
  const [first] = Object.keys(unknown);
  if (first !== undefined) throw refusal(path, `${place} has an unknown key, ${JSON.stringify(first)}`);
}

function refusal(path: string, sentence: string): UsageError {
  return new UsageError(`The configuration ${path} cannot be used: ${sentence}.`, "Mend the file, or move it away.");
}
