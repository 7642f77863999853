import { text } from "node:stream/consumers";
import type { WhoAmI } from "@alcove/contract";
import type { Command } from "commander";
import { askSecret, confirm } from "../ask.js";
import { sameFingerprint, seeCertificate } from "../certificate.js";
import type { Cli } from "../cli.js";
import { checkContextName, checkSetting } from "../config/config-file.js";
import { changeConfig } from "../config/config-writing.js";
import { type Context, contextNamed } from "../config/settings.js";
import { alcoveOptions, readCertificates, refuseExposedKey } from "../connection.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { explained } from "../failure.js";
import { printable } from "../printable.js";

interface Options {
  readonly url?: string;
  readonly context?: string;
  readonly keyStdin?: true;
  readonly fingerprint?: string;
  readonly group?: string;
}

export function addLogin(program: Command, cli: Cli): void {
  const command = program
    .command("login")
    .summary("keep a key for a server")
    .description(
      "Ask for a key, try it, and keep it with the server's address in a context, which becomes the current one. A certificate that nobody vouches for is shown by its fingerprint, and trusted from then on if you say so.",
    )
    .option("--key-stdin", "read the key from standard input; a command line could be read by others")
    .option("--fingerprint <sha256>", "the server's certificate, as `alcove status` tells it there")
    .action(() => login(cli, command.optsWithGlobals<Options>()));
  examples(command, [
    ["alcove login --url https://sandboxes.example.com:7443", ""],
    ["alcove login --url https://sandboxes.example.com:7443 --context work --key-stdin < key", "for scripts"],
  ]);
}

async function login(cli: Cli, options: Options): Promise<void> {
  const { settings, config } = cli.readSettings();
  const { value: url } = settings.url;
  if (url === undefined || url.startsWith("unix://")) {
    throw new UsageError(
      "There is no server to log in to: the daemon of this machine asks for no key.",
      "alcove login --url https://HOST:PORT",
    );
  }
  checkSetting("url", url, settings.url.source);
  const name = options.context ?? nameFor(url, config.contexts);
  checkContextName(name);
  const ca = settings.ca.value;
  refuseExposedKey({ ...settings, apiKey: { value: "a key", source: "login" } });
  const fingerprint = url.startsWith("https:")
    ? await trusted(cli, url, options, ca && readCertificates(settings.ca))
    : undefined;
  const apiKey = await keyFor(cli, url, options);
  checkSetting("apiKey", apiKey, "login");
  const context: Context = { url, apiKey, ...(ca && { ca }), ...(fingerprint && { fingerprint }) };
  const who = await whoIs(cli, context);
  const group = groupFor(who, options.group);
  await changeConfig(({ contexts }) => {
    const { fingerprint: _before, ...kept } = contextNamed(contexts, name) ?? {};
    return {
      currentContext: name,
      contexts: { ...contexts, [name]: { ...kept, ...context, ...(group && { group }) } },
    };
  });
  cli.terminal.print(printable(`${who.name} at ${url}, context ${name}${group ? `, group ${group}` : ""}`));
}

/** The group to keep: the one that was said, else the only one that the key has a role in. */
function groupFor({ isAdmin, roles }: WhoAmI, said: string | undefined): string | undefined {
  if (said !== undefined || isAdmin || roles.length !== 1) return said;
  return roles[0]?.group;
}

/** The context that this server has already, else one by the host's name. */
function nameFor(url: string, contexts: Readonly<Record<string, Context>>): string {
  const [known] = Object.entries(contexts).find(([, context]) => context.url === url) ?? [];
  return known ?? new URL(url).hostname.replace(/^\[|\]$/g, "").replaceAll(":", "-");
}

/** The fingerprint to keep; undefined where the system, or `ca`, vouches for the certificate. */
async function trusted(cli: Cli, url: string, options: Options, ca: string | undefined): Promise<string | undefined> {
  const seen = await seeCertificate(url, ca);
  if (options.fingerprint !== undefined) {
    checkSetting("fingerprint", options.fingerprint, "flag --fingerprint");
    if (sameFingerprint(options.fingerprint) === seen.fingerprint) return seen.fingerprint;
    throw explained(
      `The certificate of ${url} is another one: its SHA-256 is ${seen.fingerprint}.`,
      "Nothing was sent. Ask whoever runs the server.",
    );
  }
  if (seen.distrust === undefined) return undefined;
  const sentence = `Nobody that this machine trusts vouches for the certificate of ${url} (${seen.distrust}). Its SHA-256 is ${seen.fingerprint}.`;
  if (!process.stdin.isTTY || options.keyStdin) {
    throw explained(sentence, `If \`alcove status\` on the server says the same: --fingerprint ${seen.fingerprint}`);
  }
  cli.terminal.say(sentence);
  if (await confirm(cli, "`alcove status` on the server says it too. Is it the same?")) return seen.fingerprint;
  throw explained(
    "The certificate is not trusted, and nothing was sent.",
    "Ask whoever runs the server for its fingerprint.",
  );
}

async function keyFor(cli: Cli, url: string, { keyStdin }: Options): Promise<string> {
  if (keyStdin) return (await text(process.stdin)).trim();
  if (process.stdin.isTTY) return (await askSecret(cli, `Key for ${url}: `)).trim();
  throw new UsageError("There is no terminal to ask for the key.", "--key-stdin reads it from standard input.");
}

async function whoIs(cli: Cli, context: Context): Promise<WhoAmI> {
  const { Alcove, localSocketPath } = await import("alcove");
  const { resolveSettings } = await import("../config/settings.js");
  const settings = resolveSettings({ flags: {}, environment: {}, currentContext: "new", contexts: { new: context } });
  using alcove = new Alcove(alcoveOptions(settings, localSocketPath));
  const answer = await alcove.request({ method: "GET", path: "/v1/whoami", signal: cli.signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as WhoAmI;
}
