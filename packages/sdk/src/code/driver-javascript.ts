/** As the Python driver, for Node. A snippet that waits at its top is a function's body: its value is what it returns. */
export const javascriptDriver = String.raw`
(() => {
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");
const { Socket } = require("node:net");
const { inspect } = require("node:util");
const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");

// Pipes can be opened once more; where they are something else, they are shared with the snippet.
const opened = (number, flags) => {
  try {
    return fs.openSync("/proc/self/fd/" + number, flags);
  } catch {
    return number;
  }
};
const control = opened(0, "r");
const outputs = [opened(1, "w"), opened(2, "w")];
if (control !== 0) {
  fs.closeSync(0);
  fs.openSync("/dev/null", "r");
}

const { stringify, parse } = JSON;
const isPlain = (value, depth) => {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth > 64 || typeof value.toJSON === "function") return false;
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item) => item === undefined || isPlain(item, depth + 1));
};
const shown = (value) => {
  try {
    return inspect(value);
  } catch {
    return "<a value that cannot be shown>";
  }
};
const encoded = (value, limit) => {
  if (value === undefined) return { kind: "none" };
  try {
    const text = isPlain(value, 0) ? stringify(value) : undefined;
    if (text !== undefined && text.length <= limit) return { kind: "json", value: parse(text) };
  } catch {}
  const text = shown(value);
  return { kind: "text", value: text.slice(0, limit), isCut: text.length > limit };
};
const textOf = (read, otherwise) => {
  try {
    const text = read();
    return typeof text === "string" ? text : otherwise;
  } catch {
    return otherwise;
  }
};
const failure = (error, limit) => {
  const isError = error instanceof Error;
  const message = isError ? textOf(() => error.message, "") : shown(error);
  const name = isError ? textOf(() => error.name, "Error") : "Thrown";
  const stack = isError ? textOf(() => error.stack, message) : message;
  const own = stack.split("\n").filter((line) => !/\((?:node:|\[eval\])|at (?:node:|\[eval\])/.test(line)).join("\n");
  return { name: name.slice(0, 200), message: message.slice(0, limit), traceback: own.slice(0, limit) };
};
const write = (path, result) => {
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;
  fs.writeFileSync(path, stringify(result), { flag: flags, mode: 0o600 });
};
const importing = vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const compiled = (code, filename) => {
  const options = { filename, ...(importing === undefined ? {} : { importModuleDynamically: importing }) };
  try {
    return new vm.Script(code, options);
  } catch (error) {
    if (!/\bawait\b|\breturn\b/.test(code)) throw error;
    try {
      return new vm.Script("(async () => {" + code + "\n})()", options);
    } catch {
      throw error;
    }
  }
};
globalThis.require = createRequire(process.cwd() + "/");

let latest;
const settle = (error) => {
  if (latest === undefined) process.stderr.write(shown(error) + "\n");
  else latest(error);
};
process.on("uncaughtException", settle);
process.on("unhandledRejection", settle);

let unwritten;
process.on("exit", (code) => {
  if (unwritten === undefined) return;
  // It called process.exit, or what it started failed behind its end.
  const { command, result } = unwritten;
  write(command.result, result ?? { kind: "none", exit: code, ...(code === 0 ? {} : { error: { name: "ProcessExit", message: "process.exit(" + code + ")", traceback: "" } }) });
});

const drained = (stream) => new Promise((resolve) => stream.write("", resolve));
const run = async (command, number) => {
  const { limit } = command;
  unwritten = { command };
  let result;
  const thrown = new Promise((_, reject) => {
    latest = reject;
  });
  thrown.catch(() => undefined);
  try {
    const value = compiled(command.code, "snippet-" + number + ".js").runInThisContext();
    result = encoded(await Promise.race([value, thrown]), limit);
  } catch (error) {
    result = { kind: "none", exit: 1, error: failure(error, limit) };
  }
  latest = undefined;
  if (command.mark === null) {
    // It ends when nothing is left to do; what fails until then is the snippet's.
    unwritten.result = result;
    process.exitCode ||= result.exit ?? 0;
    latest = (error) => {
      if (unwritten.result.error === undefined) unwritten.result = { kind: "none", exit: 1, error: failure(error, limit) };
      process.exitCode = 1;
      process.exit();
    };
    return;
  }
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  unwritten = undefined;
  write(command.result, result);
  for (const output of outputs) fs.writeSync(output, command.mark);
};

let number = 0;
let last = Promise.resolve();
createInterface({ input: new Socket({ fd: control, readable: true, writable: false }) }).on("line", (line) => {
  last = last.then(() => run(parse(line), ++number));
});
})();
`;
