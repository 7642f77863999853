/** Starts a program of the fake guest by its argv, as an exec of the real one would: 127 when there is none, 126 when it cannot run. */
import { AlcoveError } from "@alcove/contract";
import { resolvePath } from "./file-system.js";
import { programs } from "./programs.js";
import { runShell } from "./shell.js";
import { BrokenPipe, print, type Task } from "./task.js";

export async function runProgram(task: Task): Promise<number> {
  using process = task.guest.processes.begin({
    parentPid: task.pid,
    user: task.user.name,
    command: task.argv.join(" ").slice(0, 1_024),
    execId: task.execId,
  });
  return await dispatch({ ...task, pid: process.pid });
}

/** Runs it in the process that there is. */
export async function dispatch(task: Task): Promise<number> {
  try {
    await task.guest.whileThawed(task.signal);
    return await runNamed(task.argv[0] ?? "", task);
  } catch (error) {
    if (error instanceof BrokenPipe) return 141;
    if (!(error instanceof AlcoveError)) throw error;
    await print(task.stderr, `${task.argv[0]}: ${error.message}\n`);
    return 1;
  }
}

async function runNamed(name: string, task: Task): Promise<number> {
  const known = /^(?:\/(?:usr\/)?s?bin\/)?([a-z0-9[]+)$/.exec(name)?.[1];
  if (known === "sh" || known === "bash") return await shell(task);
  const program = known === undefined ? undefined : programs[known];
  return program === undefined ? await runFile(name, task) : await program(task);
}

async function shell(task: Task): Promise<number> {
  const script = task.argv.findIndex((argument, index) => index > 0 && /^-[a-z]*c$/.test(argument)) + 1;
  if (script > 0) return await runShell(task.argv[script] ?? "", task, task.argv.slice(script + 1));
  const file = task.argv[1];
  if (file !== undefined)
    return await runShell(
      task.guest.files.read(resolvePath(task.directory, file)).content.toString(),
      task,
      task.argv.slice(1),
    );
  if (task.terminal !== undefined) return await runInteractiveShell(task);
  const input: Uint8Array[] = [];
  for await (const chunk of task.stdin) input.push(chunk);
  return await runShell(Buffer.concat(input).toString(), task);
}

/** A line at a time, with a prompt before each. */
async function runInteractiveShell(task: Task): Promise<number> {
  let status = 0;
  for (;;) {
    await print(task.stdout, "$ ");
    const line = await task.stdin.read(task.signal);
    if (line === undefined) return status;
    const exit = /^\s*exit(?:\s+(\d+))?\s*$/.exec(Buffer.from(line).toString());
    if (exit !== null) return Number(exit[1] ?? status);
    status = await runShell(Buffer.from(line).toString(), task);
  }
}

async function runFile(name: string, task: Task): Promise<number> {
  const path = resolvePath(task.directory, name);
  const { files } = task.guest;
  if (!name.includes("/") || !files.has(path)) {
    await print(task.stderr, `${name}: not found\n`);
    return 127;
  }
  const node = files.find(path);
  if (node.kind === "directory" || (node.mode & 0o111) === 0) {
    await print(task.stderr, `${name}: cannot be started: permission denied\n`);
    return 126;
  }
  return await runShell(node.content.toString(), task, task.argv);
}
