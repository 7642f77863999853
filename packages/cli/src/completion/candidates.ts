/** What an unfinished word could become, from the tree of commands and, for what has a name, from the server. */
import type { Command, Option } from "commander";
import type { Cli } from "../cli.js";
import { defaultContext, settingNames } from "../config/settings.js";
import { findSandbox } from "../sandbox-name.js";

/** Whoever presses Tab does not wait for longer. */
const deadlineMs = 1_000;
/** A server's words go into a command line: nothing that a shell would read as more than a word. */
const harmlessWord = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;

/** The words are those before it that are no options. */
type Source = (cli: Cli, signal: AbortSignal, words: readonly string[]) => AsyncIterable<string> | Iterable<string>;

const contexts: Source = (cli) => [defaultContext, ...Object.keys(cli.readSettings().config.contexts)];
const settings: Source = () => settingNames.filter((name) => name !== "apiKey");
/** These answer without a server. */
const known = new Set([contexts, settings]);

async function* sandboxes(cli: Cli, signal: AbortSignal) {
  for await (const { id } of (await cli.alcove()).sandboxes.list({ signal })) yield id;
}

async function* images(cli: Cli, signal: AbortSignal) {
  const { images } = await cli.alcove();
  for (const found of [images.list({ signal }), images.listPublic({ signal })]) {
    for (const { name } of await found) yield name;
  }
}

async function* groups(cli: Cli, signal: AbortSignal) {
  for await (const { name } of (await cli.alcove()).groups.list({ signal })) yield name;
}

async function* snapshots(cli: Cli, signal: AbortSignal) {
  for await (const { id } of (await cli.alcove()).snapshots.list({ signal })) yield id;
}

async function* pools(cli: Cli, signal: AbortSignal) {
  for (const { name } of await (await cli.alcove()).defaultGroup.pools.list({ signal })) yield name;
}

async function* volumes(cli: Cli, signal: AbortSignal) {
  for (const { name } of await (await cli.alcove()).defaultGroup.volumes.list({ signal })) yield name;
}

async function* ports(cli: Cli, signal: AbortSignal, [id = ""]: readonly string[]) {
  const sandbox = await findSandbox(() => cli.alcove(), id, signal);
  for (const { port, name } of await sandbox.ports.list({ signal })) yield name ?? String(port);
}

async function* secrets(cli: Cli, signal: AbortSignal) {
  for (const { id } of await (await cli.alcove()).defaultGroup.secrets.list({ signal })) yield id;
}

async function* policies(cli: Cli, signal: AbortSignal) {
  for (const { name } of await (await cli.alcove()).defaultGroup.egressPolicies.list({ signal })) yield name;
}

async function* routes(cli: Cli, signal: AbortSignal) {
  yield* Object.keys((await (await cli.alcove()).defaultGroup.egressPolicies.settings({ signal })).routes ?? {});
}

/**
 * By the name of an argument or the long name of an option, alone or behind its noun.
 *
 * To complete another thing: a row here.
 */
const sources: Readonly<Record<string, Source>> = {
  id: sandboxes,
  ids: sandboxes,
  image: images,
  "image name": images,
  "group name": groups,
  "pool name": pools,
  "port port": ports,
  "port ports": ports,
  "secret name": secrets,
  "volume name": volumes,
  "policy name": policies,
  "--policy": policies,
  "--egress-policy-id": policies,
  "--default-route": routes,
  "context name": contexts,
  "config name": settings,
  "--context": contexts,
  "--group": groups,
  "--image": images,
  "--sandbox": sandboxes,
  "--snapshot": snapshots,
  snapshot: snapshots,
  snapshots,
};

export async function candidates(program: Command, cli: Cli, words: readonly string[]): Promise<string[]> {
  const unfinished = words.at(-1) ?? "";
  const { command, before, isProgram } = descend(program, words.slice(0, -1));
  if (isProgram) return [];
  const option = before.length === 0 ? undefined : optionOf(command, before.at(-1) ?? "");
  const found =
    option !== undefined && takesValue(option)
      ? (option.argChoices ?? (await ask(cli, sources[option.long ?? ""])))
      : unfinished.startsWith("-")
        ? command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : [])).concat("--help")
        : await wordsOf(command, cli, before);
  return [...new Set(found)].filter((word) => word.startsWith(unfinished)).sort();
}

/** The command that the words name, and its words. Behind `--`, or behind its names where a program follows, nothing is ours. */
function descend(program: Command, words: readonly string[]) {
  let command = program;
  let before: string[] = [];
  for (const word of words) {
    if (word === "--") return { command, before, isProgram: true };
    const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (next === undefined) before.push(word);
    else [command, before] = [next, []];
  }
  return { command, before, isProgram: false };
}

async function wordsOf(command: Command, cli: Cli, before: readonly string[]): Promise<readonly string[]> {
  if (command.commands.length > 0) return command.commands.map((child) => child.name());
  const operands = operandsOf(command, before);
  const place = operands.length;
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[place] ?? (last?.variadic ? last : undefined);
  if (argument === undefined) return [];
  const name = argument.name();
  return (
    argument.argChoices ?? (await ask(cli, sources[`${command.parent?.name()} ${name}`] ?? sources[name], operands))
  );
}

function operandsOf(command: Command, words: readonly string[]): string[] {
  return words.filter((word, at) => {
    const previous = at === 0 ? undefined : optionOf(command, words[at - 1] ?? "");
    return !word.startsWith("-") && (previous === undefined || !takesValue(previous));
  });
}

function optionOf(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => word === long || word === short);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

/** What a server said in time: one that is away has no answer, and none is started. */
async function ask(cli: Cli, source: Source | undefined, words: readonly string[] = []): Promise<readonly string[]> {
  const found: string[] = [];
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), deadlineMs);
  try {
    if (source === undefined || (!known.has(source) && (await cli.runningAlcove()) === undefined)) return [];
    for await (const word of source(cli, late.signal, words)) if (harmlessWord.test(word)) found.push(word);
  } catch {
    // What came until then.
  } finally {
    clearTimeout(timer);
  }
  return found;
}
