/** Runs parsed shell text over the fake programs. */
import { Pipe } from "../../lib/pipe.js";
import { resolvePath } from "./file-system.js";
import { type Command, parseShell, type Redirect } from "./shell-parse.js";
import { ShellSyntaxError, type Word } from "./shell-words.js";
import { BrokenPipe, print, type Sink, type Task } from "./task.js";

export async function runShell(script: string, task: Task, positional: readonly string[] = []): Promise<number> {
  const shell: Shell = { variables: { status: 0, lastPid: 0, positional }, background: [] };
  try {
    return await run(parseShell(script), task, shell);
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (!(error instanceof ShellSyntaxError)) throw error;
    await print(task.stderr, `sh: ${error.message}\n`);
    return 2;
  } finally {
    // What it left in the background goes on until its exec ends; nobody waits for it.
    for (const job of shell.background) job.catch(() => {});
  }
}

interface Shell {
  readonly variables: { status: number; lastPid: number; readonly positional: readonly string[] };
  readonly background: Promise<number>[];
}

class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

async function run(command: Command, task: Task, shell: Shell): Promise<number> {
  task.signal.throwIfAborted();
  const status = await runKind(command, task, shell);
  shell.variables.status = status;
  return status;
}

async function runKind(command: Command, task: Task, shell: Shell): Promise<number> {
  switch (command.kind) {
    case "simple":
      return await runSimple(command.words, command.redirects, task, shell);
    case "pipe":
      return await runPipe(command.parts, task, shell);
    case "and":
    case "or": {
      const status = await run(command.left, task, shell);
      return (status === 0) === (command.kind === "and") ? await run(command.right, task, shell) : status;
    }
    case "if": {
      if ((await run(command.condition, task, shell)) === 0) return await run(command.body, task, shell);
      return command.otherwise === undefined ? 0 : await run(command.otherwise, task, shell);
    }
    case "while": {
      let status = 0;
      while ((await run(command.condition, task, shell)) === 0) status = await run(command.body, task, shell);
      return status;
    }
    default:
      return command.kind === "for" ? await runFor(command, task, shell) : await runList(command, task, shell);
  }
}

async function runList(list: Extract<Command, { kind: "list" }>, task: Task, shell: Shell): Promise<number> {
  let status = 0;
  for (const { command, isBackground } of list.items) {
    if (!isBackground) status = await run(command, task, shell);
    else shell.background.push(run(command, { ...task, environment: new Map(task.environment) }, shell));
  }
  return status;
}

async function runFor(loop: Extract<Command, { kind: "for" }>, task: Task, shell: Shell): Promise<number> {
  let status = 0;
  for (const value of await expandAll(loop.words, task, shell)) {
    task.environment.set(loop.name, value);
    status = await run(loop.body, task, shell);
  }
  return status;
}

async function runPipe(parts: readonly Command[], task: Task, shell: Shell): Promise<number> {
  let stdin = task.stdin;
  const running: Promise<number>[] = [];
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    const pipe = new Pipe();
    const own = { ...task, stdin, stdout: isLast ? task.stdout : intoPipe(pipe, task.signal) };
    running.push(runPart(part, own, shell, index > 0 ? stdin : undefined, isLast ? undefined : pipe));
    stdin = pipe;
  }
  return (await Promise.all(running)).at(-1) ?? 0;
}

async function runPart(part: Command, task: Task, shell: Shell, input?: Pipe, output?: Pipe): Promise<number> {
  try {
    return await run(part, task, { ...shell, variables: { ...shell.variables } });
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof BrokenPipe) return 141;
    throw error;
  } finally {
    input?.break();
    output?.end();
  }
}

function intoPipe(pipe: Pipe, signal: AbortSignal): Sink {
  return async (bytes) => {
    if (!(await pipe.write(bytes, signal))) throw new BrokenPipe();
  };
}

async function runSimple(
  words: readonly Word[],
  redirects: readonly Redirect[],
  task: Task,
  shell: Shell,
): Promise<number> {
  const argv = await expandAll(words, task, shell);
  const environment = new Map(task.environment);
  let assigned = 0;
  for (; /^[A-Za-z_][A-Za-z0-9_]*=/.test(argv[assigned] ?? ""); assigned++) {
    const [name, value] = cut(argv[assigned] as string);
    environment.set(name, value);
    if (argv.length === words.length && words.every(isAssignment)) task.environment.set(name, value);
  }
  const own = await redirected({ ...task, argv: argv.slice(assigned), environment }, redirects, shell);
  if (own.argv.length === 0) return 0;
  return (await runBuiltin(own, task, shell)) ?? (await own.run(own));
}

const isAssignment = (word: Word) =>
  /^[A-Za-z_][A-Za-z0-9_]*=/.test(word.map((part) => (part.kind === "text" ? part.text : "$")).join(""));

function cut(assignment: string): [string, string] {
  const at = assignment.indexOf("=");
  return [assignment.slice(0, at), assignment.slice(at + 1)];
}

/** Programs that change the shell itself; undefined for all others. */
async function runBuiltin(own: Task, task: Task, shell: Shell): Promise<number | undefined> {
  const [name, argument = ""] = own.argv;
  switch (name) {
    case "exit":
      throw new Exit(Number(argument || shell.variables.status));
    case "cd":
      task.directory = resolvePath(task.directory, argument || "/");
      return task.guest.files.find(task.directory).kind === "directory" ? 0 : 2;
    case "export":
      if (argument.includes("=")) task.environment.set(...cut(argument));
      return 0;
    case "wait":
      await Promise.all(shell.background);
      return 0;
    case "exec":
      throw new Exit(await own.run({ ...own, argv: own.argv.slice(1) }));
    case ":":
      return 0;
    default:
      return undefined;
  }
}

async function redirected(task: Task, redirects: readonly Redirect[], shell: Shell): Promise<Task> {
  let { stdin, stdout, stderr } = task;
  for (const { operator, target } of redirects) {
    const path = target === undefined ? "" : resolvePath(task.directory, (await expand(target, task, shell)).join(" "));
    if (operator === "2>&1") stderr = stdout;
    else if (operator === "<") stdin = pipeOf(task.guest.files.read(path).content);
    else if (operator.endsWith("&2")) stdout = stderr;
    else if (operator.startsWith("2")) stderr = intoFile(task, path, operator === "2>>");
    else stdout = intoFile(task, path, operator === ">>");
  }
  return { ...task, stdin, stdout, stderr };
}

function pipeOf(content: Buffer): Pipe {
  const pipe = new Pipe();
  void pipe.write(content).then(() => pipe.end());
  return pipe;
}

function intoFile(task: Task, path: string, isAppended: boolean): Sink {
  if (path === "/dev/null") return async () => {};
  const ownership = { uid: task.user.uid, gid: task.user.gid };
  const { files } = task.guest;
  if (!files.has(path)) files.write(path, Buffer.alloc(0), ownership);
  else if (!isAppended) files.write(path, Buffer.alloc(0));
  return async (bytes) => files.write(path, Buffer.concat([files.read(path).content, bytes]));
}

async function expandAll(words: readonly Word[], task: Task, shell: Shell): Promise<string[]> {
  const expanded: string[] = [];
  for (const word of words) expanded.push(...(await expand(word, task, shell)));
  return expanded;
}

/** A word's text; what comes from unquoted variables and commands is split at white space. */
async function expand(word: Word, task: Task, shell: Shell): Promise<string[]> {
  const results: string[] = [];
  let current: string | undefined;
  for (const part of word) {
    if (part.kind === "text") current = (current ?? "") + part.text;
    else {
      const value = part.kind === "variable" ? variable(part.name, task, shell) : await substitute(part.script, task);
      if (part.isQuoted) current = (current ?? "") + value;
      else {
        const [first, ...rest] = value.split(/\s+/).filter((text) => text !== "");
        if (first !== undefined) current = (current ?? "") + first;
        for (const text of rest) {
          results.push(current ?? "");
          current = text;
        }
      }
    }
  }
  return current === undefined ? results : [...results, current];
}

function variable(name: string, task: Task, { variables }: Shell): string {
  if (name === "?") return String(variables.status);
  if (name === "$") return String(task.pid);
  if (name === "!") return String(variables.lastPid);
  if (/^\d$/.test(name)) return variables.positional[Number(name)] ?? "";
  return task.environment.get(name) ?? "";
}

async function substitute(script: string, task: Task): Promise<string> {
  const output: Uint8Array[] = [];
  await runShell(script, { ...task, stdout: async (bytes) => void output.push(bytes) });
  return Buffer.concat(output).toString().replace(/\n+$/, "");
}
