/**
 * What a command works with, and where each value comes from: flag > context named by --context > environment variable >
 * current context of the file > default. Pure: settings.test.ts is this as a table.
 *
 * To add a setting: 1. a row of `settingTable`  2. where it is used, `connection.ts`  3. its row in docs/cli.md.
 */
import { parseUrl } from "@alcove/contract";
import { outputFormats } from "../output/format.js";

export const settingNames = ["url", "apiKey", "ca", "fingerprint", "group", "output"] as const;
export type SettingName = (typeof settingNames)[number];
/** What a context of the file can hold. */
export type Context = Readonly<Partial<Record<SettingName, string>>>;

export interface Setting {
  readonly value: string | undefined;
  /** For people: `flag --group`, `variable ALCOVE_GROUP`, `context work`, `default`. */
  readonly source: string;
}

export interface Settings extends Readonly<Record<SettingName, Setting>> {
  readonly context: Setting & { readonly value: string };
}

export interface SettingSources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly currentContext: string | undefined;
  readonly contexts: Readonly<Record<string, Context>>;
}

interface Row {
  /** As commander names the option. */
  readonly flag?: string;
  readonly variable: string;
  readonly fallback?: string;
  readonly isSecret?: true;
  /** What a value must be, if it is not so. */
  wrong(value: string): string | undefined;
}

export const defaultContext = "default";

export const settingTable: Readonly<Record<SettingName, Row>> = {
  url: { flag: "url", variable: "ALCOVE_URL", wrong: wrongUrl },
  apiKey: {
    variable: "ALCOVE_API_KEY",
    isSecret: true,
    wrong: (value) =>
      /^[\x21-\x7e]{1,8192}$/.test(value)
        ? undefined
        : "must be at most 8,192 characters of printable ASCII without blanks",
  },
  ca: {
    variable: "ALCOVE_CA",
    wrong: (value) => (value.startsWith("/") ? undefined : "must be the absolute path of a file with certificates"),
  },
  fingerprint: {
    variable: "ALCOVE_FINGERPRINT",
    wrong: (value) =>
      /^(?:[0-9A-Fa-f]{2}:?){32}$/.test(value)
        ? undefined
        : "must be the SHA-256 of a certificate, 64 hexadecimal digits",
  },
  group: {
    flag: "group",
    variable: "ALCOVE_GROUP",
    fallback: "default",
    wrong: (value) =>
      /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/.test(value) ? undefined : "must be 1 to 32 letters, digits or hyphens",
  },
  output: {
    flag: "output",
    variable: "ALCOVE_OUTPUT",
    fallback: "table",
    wrong: (value) =>
      outputFormats.some((format) => format === value) ? undefined : `must be one of ${outputFormats.join(", ")}`,
  },
};

export function resolveSettings(sources: SettingSources): Settings {
  const context = contextOf(sources);
  const url = serverOf(sources, context);
  // A context's key and trust are for its server: they do not go with another address.
  const isItsServer = url.value === contextNamed(sources.contexts, context.value)?.url;
  const bound = (name: SettingName) => settingOf(name, sources, context, isItsServer);
  return {
    context,
    url,
    apiKey: bound("apiKey"),
    ca: bound("ca"),
    fingerprint: bound("fingerprint"),
    group: settingOf("group", sources, context),
    output: settingOf("output", sources, context),
  };
}

/** Names are others' words: `constructor` is no context. */
export function contextNamed(contexts: SettingSources["contexts"], name: string): Context | undefined {
  return Object.hasOwn(contexts, name) ? contexts[name] : undefined;
}

function contextOf({ flags, environment, currentContext }: SettingSources): Settings["context"] {
  if (typeof flags.context === "string") return { value: flags.context, source: "flag --context" };
  if (environment.ALCOVE_CONTEXT) return { value: environment.ALCOVE_CONTEXT, source: "variable ALCOVE_CONTEXT" };
  if (currentContext !== undefined) return { value: currentContext, source: "file" };
  return { value: defaultContext, source: "default" };
}

/** A context that is named on the command line says which server, also where that is the daemon of this machine. */
function serverOf(sources: SettingSources, context: Settings["context"]): Setting {
  if (!context.source.startsWith("flag") || sources.flags.url !== undefined) {
    return settingOf("url", sources, context);
  }
  const { url } = contextNamed(sources.contexts, context.value) ?? {};
  return { value: url, source: `context ${context.value}` };
}

function settingOf(
  name: SettingName,
  { flags, environment, contexts }: SettingSources,
  context: Settings["context"],
  takesContext = true,
): Setting {
  const { flag, variable, fallback } = settingTable[name];
  const fromFile = takesContext ? contextNamed(contexts, context.value)?.[name] : undefined;
  const inFile = { value: fromFile, source: `context ${context.value}` };
  const candidates: Setting[] = [
    { value: flag === undefined ? undefined : (flags[flag] as string | undefined), source: `flag --${flag}` },
    // A context that is named on the command line counts for more than the environment.
    ...(context.source.startsWith("flag") ? [inFile] : []),
    ...(variable === "ALCOVE_URL" ? serverVariables(environment) : [fromVariable(environment, variable)]),
    inFile,
  ];
  return candidates.find(({ value }) => value !== undefined) ?? { value: fallback, source: "default" };
}

function fromVariable(environment: SettingSources["environment"], variable: string): Setting {
  return { value: environment[variable] || undefined, source: `variable ${variable}` };
}

/** The SDK's ALCOVE_SOCKET says where a server is too. */
function serverVariables(environment: SettingSources["environment"]): Setting[] {
  const socket = environment.ALCOVE_SOCKET;
  return [
    fromVariable(environment, "ALCOVE_URL"),
    { value: socket ? `unix://${socket}` : undefined, source: "variable ALCOVE_SOCKET" },
  ];
}

function wrongUrl(value: string): string | undefined {
  const sentence = "must be http://HOST:PORT, https://HOST:PORT or unix:///PATH";
  if (value.startsWith("unix://")) return value.startsWith("unix:///") ? undefined : sentence;
  const url = parseUrl(value);
  if (url === undefined) return sentence;
  const { protocol, username, password, search, hash } = url;
  if (protocol !== "http:" && protocol !== "https:") return sentence;
  if (username !== "" || password !== "") return "must hold no name and password; `alcove login` takes a key";
  return search === "" && hash === "" ? undefined : `${sentence}, without ? and #`;
}
