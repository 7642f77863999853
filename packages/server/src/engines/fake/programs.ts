/** The programs of the fake guest. To add one: a function of a `Task` here, under its name. */
import { randomBytes } from "node:crypto";
import { resolvePath } from "./file-system.js";
import { type Program, print, type Task } from "./task.js";
import { elapse } from "./virtual-sleep.js";

const chunkBytes = 65_536;

const cat: Program = async (task) => {
  const names = task.argv.slice(1).filter((name) => name !== "-");
  if (names.length === 0) await copy(task, Number.POSITIVE_INFINITY);
  for (const name of names) for await (const chunk of open(task, name)) await task.stdout(chunk);
  return 0;
};

const head: Program = async (task) => {
  const [option, value, file] = task.argv[1]?.startsWith("-") ? task.argv.slice(1) : ["-n", "10", task.argv[1]];
  const count = parseCount(value ?? "10");
  if (option === "-c") return await copy(task, count, file);
  let text = "";
  for await (const chunk of open(task, file)) {
    text += Buffer.from(chunk).toString();
    if (text.split("\n").length > count) break;
  }
  await print(
    task.stdout,
    text
      .split(/(?<=\n)/)
      .slice(0, count)
      .join(""),
  );
  return 0;
};

const wc: Program = async (task) => {
  let count = 0;
  const isLines = task.argv[1] === "-l";
  for await (const chunk of open(task, task.argv[2])) {
    if (isLines) for (const byte of chunk) count += byte === 10 ? 1 : 0;
    else count += chunk.length;
  }
  await print(task.stdout, `${count}\n`);
  return 0;
};

const yes: Program = async (task) => {
  const line = `${task.argv.slice(1).join(" ") || "y"}\n`;
  const chunk = Buffer.from(line.repeat(Math.max(1, Math.floor(chunkBytes / line.length))));
  for (;;) {
    await task.guest.whileThawed(task.signal);
    await task.stdout(chunk);
  }
};

const sleep: Program = async (task) => {
  await elapse(Number(task.argv[1]) * 1_000, task.signal);
  await task.guest.whileThawed(task.signal);
  return 0;
};

const env: Program = async (task) => {
  await print(task.stdout, [...task.environment].map(([name, value]) => `${name}=${value}\n`).join(""));
  return 0;
};

const id: Program = async (task) => {
  const { uid, gid, name } = task.user;
  const answers: Record<string, string> = { "-u": `${uid}`, "-g": `${gid}`, "-un": name };
  await print(task.stdout, `${answers[task.argv[1] ?? ""] ?? `uid=${uid}(${name}) gid=${gid}(${name})`}\n`);
  return 0;
};

const printf: Program = async (task) => {
  const [format = "", ...values] = task.argv.slice(1);
  let at = 0;
  const text = withoutEscapes(format).replace(/%[sd%]/g, (mark) => (mark === "%%" ? "%" : (values[at++] ?? "")));
  await print(task.stdout, text);
  return 0;
};

const echo: Program = async (task) => {
  const isBare = task.argv[1] === "-n";
  await print(task.stdout, task.argv.slice(isBare ? 2 : 1).join(" ") + (isBare ? "" : "\n"));
  return 0;
};

const seq: Program = async (task) => {
  const bounds = task.argv.slice(1).map(Number);
  const [first, last] = bounds.length === 1 ? [1, bounds[0] ?? 0] : [bounds[0] ?? 1, bounds[1] ?? 0];
  for (let number = first; number <= last; number++) await print(task.stdout, `${number}\n`);
  return 0;
};

const date: Program = async (task) => {
  const nanos = `${BigInt(Date.now()) * 1_000_000n}`;
  const seconds = `${Math.floor(Date.now() / 1_000)}`;
  await print(task.stdout, `${(task.argv[1] ?? "+%s").slice(1).replace("%s%N", nanos).replace("%s", seconds)}\n`);
  return 0;
};

const stat: Program = async (task) => {
  const [, , format = "", name = ""] = task.argv;
  const node = task.guest.files.stat(resolvePath(task.directory, name));
  const known: Record<string, string> = {
    "%a": node.mode.toString(8),
    "%u": `${node.uid}`,
    "%g": `${node.gid}`,
    "%s": `${node.size}`,
  };
  await print(task.stdout, `${format.replace(/%[augs]/g, (mark) => known[mark] ?? mark)}\n`);
  return 0;
};

const stty: Program = async (task) => {
  if (task.terminal === undefined) return 1;
  const { rows, columns } = task.terminal.size;
  await print(task.stdout, `${rows} ${columns}\n`);
  return 0;
};

/** `command -v NAME` alone. */
const command: Program = async (task) => {
  const name = task.argv[2] ?? "";
  if (name !== "sh" && programs[name] === undefined) return 127;
  await print(task.stdout, `/bin/${name}\n`);
  return 0;
};

export const programs: Readonly<Record<string, Program>> = {
  cat,
  command,
  date,
  echo,
  env,
  head,
  id,
  printf,
  seq,
  sleep,
  stat,
  stty,
  wc,
  yes,
  true: async () => 0,
  false: async () => 1,
  sync: async () => 0,
  pwd: (task) => say(task, task.directory),
  hostname: (task) => say(task, task.guest.hostname),
  whoami: (task) => say(task, task.user.name),
  touch: (task) => change(task, (path) => !task.guest.files.has(path) && task.guest.files.write(path, Buffer.alloc(0))),
  mkdir: (task) => change(task, (path) => task.guest.files.makeDirectory(path, { createParents: true })),
  rm: (task) => change(task, (path) => task.guest.files.has(path) && task.guest.files.delete(path, true)),
  ls: (task) => list(task),
  ln: async (task) => {
    task.guest.files.link(resolvePath(task.directory, task.argv.at(-1) ?? ""), task.argv.at(-2) ?? "");
    return 0;
  },
  chmod: async (task) => {
    task.guest.files.find(resolvePath(task.directory, task.argv[2] ?? "")).mode = Number.parseInt(
      task.argv[1] ?? "644",
      8,
    );
    return 0;
  },
  chown: async (task) => {
    const [uid = 0, gid = uid] = (task.argv[1] ?? "0").split(":").map(Number);
    Object.assign(task.guest.files.find(resolvePath(task.directory, task.argv[2] ?? "")), { uid, gid });
    return 0;
  },
  poweroff: async (task) => {
    task.guest.powerOff();
    return 0;
  },
};

async function say(task: Task, text: string): Promise<number> {
  await print(task.stdout, `${text}\n`);
  return 0;
}

async function change(task: Task, action: (path: string) => unknown): Promise<number> {
  for (const name of task.argv.slice(1)) if (!name.startsWith("-")) action(resolvePath(task.directory, name));
  return 0;
}

async function list(task: Task): Promise<number> {
  const path = task.argv.slice(1).find((name) => !name.startsWith("-")) ?? ".";
  const names = task.guest.files.list(resolvePath(task.directory, path)).map(({ name }) => `${name}\n`);
  await print(task.stdout, names.join(""));
  return 0;
}

async function copy(task: Task, limit: number, file?: string): Promise<number> {
  let left = limit;
  if (left <= 0) return 0;
  for await (const chunk of open(task, file)) {
    await task.stdout(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) break;
  }
  return 0;
}

/** A file, a device, or the program's input. */
async function* open(task: Task, name: string | undefined): AsyncGenerator<Uint8Array> {
  const path = name === undefined ? undefined : resolvePath(task.directory, name);
  if (path === undefined) {
    for (let chunk = await task.stdin.read(task.signal); chunk; chunk = await task.stdin.read(task.signal)) yield chunk;
  } else if (path === "/dev/urandom" || path === "/dev/zero") {
    for (;;) {
      await task.guest.whileThawed(task.signal);
      yield path === "/dev/zero" ? Buffer.alloc(chunkBytes) : randomBytes(chunkBytes);
    }
  } else if (path === "/etc/hostname") yield Buffer.from(`${task.guest.hostname}\n`);
  else yield task.guest.files.read(path).content;
}

function parseCount(text: string): number {
  const units: Record<string, number> = { K: 1_024, M: 1_048_576, G: 1_073_741_824 };
  return Number.parseInt(text, 10) * (units[text.at(-1) ?? ""] ?? 1);
}

function withoutEscapes(format: string): string {
  const known: Record<string, string> = { n: "\n", t: "\t", "\\": "\\" };
  return format.replace(/\\([nt\\])/g, (_, letter: string) => known[letter] ?? letter);
}
