/** The way to the server that the settings name, in the SDK's words. */
import { readFileSync } from "node:fs";
import type { AlcoveOptions } from "alcove";
import type { ConfigFile } from "./config/config-file.js";
import { checkContextName, checkSetting } from "./config/config-file.js";
import { contextNamed, type Setting, type Settings, settingNames } from "./config/settings.js";
import { UsageError } from "./exit-codes.js";

/** Refuses values that cannot be meant, each with where it comes from, and a key that others can read. */
export function checkSettings(settings: Settings, config: ConfigFile): void {
  checkContext(settings, config);
  for (const name of settingNames) {
    const { value, source } = settings[name];
    if (value !== undefined) checkSetting(name, value, source);
  }
  refuseExposedKey(settings);
  if (config.distrust !== undefined && settings.apiKey.source.startsWith("context ")) {
    throw new UsageError(`The key is not used: ${config.distrust}.`, `chmod 600 ${config.path}`);
  }
}

function checkContext({ context }: Settings, config: ConfigFile): void {
  checkContextName(context.value);
  if (context.source === "default" || contextNamed(config.contexts, context.value) !== undefined) return;
  const known = Object.keys(config.contexts);
  throw new UsageError(
    `There is no context ${context.value} (${context.source}).`,
    known.length === 0
      ? `\`alcove login --context ${context.value} --url https://HOST:PORT\` makes it.`
      : `There are ${known.join(", ")}.`,
  );
}

/** True where the server is this machine's own daemon, which the CLI may start and stop. */
export function isLocal({ url }: Settings): boolean {
  return url.value === undefined || url.source === "variable ALCOVE_SOCKET";
}

/** A process id that another machine's daemon says is somebody else's here. */
export function refuseElsewhere(settings: Settings, verb: string): void {
  if (isLocal(settings)) return;
  throw new UsageError(
    `\`alcove ${verb}\` is for the daemon of this machine; the settings name ${settings.url.value} (${settings.url.source}).`,
    "`alcove context use default`, or take the address away: `alcove config show` says where it comes from.",
  );
}

/** All that the SDK would else look for in the environment is said. */
export function alcoveOptions(settings: Settings, localSocketPath: () => string): AlcoveOptions {
  const { url, group, apiKey, ca, fingerprint } = settings;
  const common = { group: group.value, apiKey: apiKey.value, autoStart: false };
  if (isLocal(settings) || url.value === undefined) return { ...common, socketPath: localSocketPath() };
  if (url.value.startsWith("unix://")) return { ...common, socketPath: url.value.slice("unix://".length) };
  const trust = { ca: ca.value === undefined ? undefined : readCertificates(ca), fingerprint: fingerprint.value };
  return { ...common, url: url.value, ...trust };
}

export function readCertificates({ value = "", source }: Setting): string {
  try {
    return readFileSync(value, "utf8");
  } catch (failure) {
    throw new UsageError(
      `The certificates ${value} (ca, ${source}) cannot be read: ${(failure as Error).message}.`,
      "Name a PEM file: `alcove config set ca /PATH`, or ALCOVE_CA.",
    );
  }
}

/** The SDK refuses it too; here the sentence has what to do with a CLI. */
export function refuseExposedKey({ url, apiKey }: Pick<Settings, "url" | "apiKey">): void {
  if (apiKey.value === undefined || url.value?.startsWith("http:") !== true) return;
  const { hostname } = new URL(url.value);
  if (/^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)) return;
  throw new UsageError(
    `The key would be sent to ${url.value} for everybody on the way to read.`,
    "Use https://; `alcove login --url https://HOST:PORT` takes a self-made certificate too.",
  );
}
