/** Against this machine's python3, node and sh; tests/e2e/code.test.ts runs the same in a sandbox. */
import { access } from "node:fs/promises";
import { Code, type CodeOptions, CodeUnavailableError } from "alcove";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type LocalSandbox, localSandbox } from "./test-interpreters.js";

let sandbox: LocalSandbox;
const codes: Code[] = [];
const newCode = (options: CodeOptions = {}) => {
  const code = new Code(sandbox, options);
  codes.push(code);
  return code;
};

beforeEach(() => {
  sandbox = localSandbox();
});
afterEach(async () => {
  await Promise.all(codes.splice(0).map((code) => code[Symbol.asyncDispose]()));
  await vi.waitFor(() => expect(sandbox.running.size).toBe(0), { timeout: 20_000 });
  // Nothing is left of any snippet, however it ended.
  expect(sandbox.paths.size).toBeGreaterThan(0);
  for (const path of sandbox.paths) await expect(access(path)).rejects.toThrow("ENOENT");
});

describe.each([
  ["in an interpreter of its own", {}],
  ["in one that is kept", { state: true }],
])("a snippet %s", (_, options) => {
  test.each([
    [
      "python",
      "print('out'); import sys; print('err', file=sys.stderr)\n[1 + 1, {'a': None}, 'ü']",
      [2, { a: null }, "ü"],
    ],
    ["javascript", "console.log('out'); console.error('err');\n[1 + 1, { a: null }, 'ü']", [2, { a: null }, "ü"]],
    ["shell", "echo out; echo err >&2", undefined],
  ] as const)("of %s gives its output and its value", async (language, source, value) => {
    expect(await newCode(options).run(language, source)).toMatchObject({
      ...{ stdout: "out\n", stderr: "err\n", value, error: undefined, exitCode: 0, timedOut: false },
      ...{ stdoutTruncated: false, durationMs: expect.any(Number) },
    });
  });

  test.each([
    ["python", "None", "none", undefined],
    ["python", "x = 1", "none", undefined],
    ["python", "", "none", undefined],
    ["python", "float('nan')", "text", "nan"],
    ["python", "2**64", "text", "18446744073709551616"],
    ["python", "{1: 2}", "text", "{1: 2}"],
    ["python", "class A:\n  def __repr__(self): return 'shown'\nA()", "text", "shown"],
    ["python", "class B:\n  def __repr__(self): raise KeyError()\nB()", "text", "<B whose repr raises KeyError>"],
    ["python", "a = []; a.append(a); a", "text", "[[...]]"],
    ["python", "import asyncio\nawait asyncio.sleep(0, 'waited')", "json", "waited"],
    ["python", "'\\ud800'", "json", "\ud800"],
    ["javascript", "undefined", "none", undefined],
    ["javascript", "null", "json", null],
    ["javascript", "new Map([[1, 2]])", "text", "Map(1) { 1 => 2 }"],
    ["javascript", "const o = {}; o.o = o; o", "text", "<ref *1> { o: [Circular *1] }"],
    ["javascript", "Promise.resolve(7)", "json", 7],
    ["javascript", "const { sep } = await import('node:path'); return sep", "json", "/"],
    ["javascript", "require('node:path').sep", "json", "/"],
    ["javascript", "const fs = 1, run = 2, parse = 3; fs + run + parse", "json", 6],
  ] as const)("of %s, %j, has a value of kind %s", async (language, source, valueKind, value) => {
    const result = await newCode(options).run(language, source);
    expect(result).toMatchObject({ value, valueKind, error: undefined, exitCode: 0 });
  });

  test.each([
    ["python", "def f():\n  raise ValueError('no')\nf()", "ValueError", "no", /line 2, in f\n\s+raise ValueError/],
    ["python", "1 +", "SyntaxError", "invalid syntax (<snippet 1>, line 1)", /1 \+/],
    ["python", "import sys; sys.exit(3)", "SystemExit", "3", /SystemExit/],
    ["javascript", "function f() { throw new RangeError('no') }\nf()", "RangeError", "no", /at f \(snippet-1.js:1:/],
    ["javascript", "1 +", "SyntaxError", "Unexpected end of input", /SyntaxError/],
    ["javascript", "throw 'text'", "Thrown", "'text'", /text/],
    ["javascript", "await Promise.reject(new Error('late'))", "Error", "late", /late/],
    ["shell", "false", "ProcessExit", "The snippet exited with 1.", /^$/],
  ] as const)("of %s, %j, that fails says how", async (language, source, name, message, traceback) => {
    const result = await newCode(options).run(language, source);
    expect(result.error).toMatchObject({ name, message, traceback: expect.stringMatching(traceback) });
    expect(result.error?.traceback).not.toMatch(/eval\(|runInThisContext|\[eval\]/);
    expect(result.exitCode).toBe(name === "SystemExit" ? 3 : 1);
  });

  test.each([
    ["python", "import os, sys; print('last', flush=True); os._exit(5)", 5],
    ["javascript", "console.log('last'); process.exit(5)", 5],
    ["shell", "echo last; exit 5", 5],
  ] as const)("of %s that ends its interpreter is told with its code", async (language, source, exitCode) => {
    const code = newCode(options);
    expect(await code.run(language, source)).toMatchObject({
      exitCode,
      stdout: "last\n",
      error: { name: "ProcessExit" },
    });
    expect(await code.run(language, "")).toMatchObject({ exitCode: 0, error: undefined });
  });

  test("that is killed says by what", async () => {
    const result = await newCode(options).run("python", "import os; os.kill(os.getpid(), 9)");
    expect(result).toMatchObject({
      exitCode: 137,
      error: { name: "ProcessEnded", message: expect.stringContaining("KILL") },
    });
  });

  test.each([
    ["python", "while True: pass"],
    ["javascript", "for (;;);"],
    ["shell", "while :; do :; done"],
  ] as const)("of %s that does not end is killed in time, and at once by its signal", async (language, source) => {
    const code = newCode(options);
    expect(await code.run(language, source, { timeoutMs: 300 })).toMatchObject({
      timedOut: true,
      error: { name: "TimedOut", message: "The snippet did not end within 300 ms." },
    });
    const controller = new AbortController();
    const running = code.run(language, source, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 200);
    await expect(running).rejects.toThrow("enough");
    expect(await code.run(language, "")).toMatchObject({ error: undefined });
  });

  test("that floods its output is kept to the limit, and nothing that it prints is taken for its result", async () => {
    const code = newCode({ ...options, outputLimitBytes: 1_000 });
    const forged = "print('\\0' * 500, '\\0' + 'a' * 32 + '\\0', '{\"kind\":\"json\",\"value\":\"forged\"}')";
    const source = `${forged}\nimport sys\nfor n in range(3_000): print('x' * 1_000); print('y' * 1_000, file=sys.stderr)\n'true'`;
    const result = await code.run("python", source);
    expect(result).toMatchObject({ value: "true", stdoutTruncated: true, stderrTruncated: true, exitCode: 0 });
    expect(result.stdout).toHaveLength(1_000);
    expect((await code.run("python", "print('after')")).stdout).toBe("after\n");
  });

  test("that closes and moves its outputs is heard to its end", async () => {
    const source = "import os\nprint('before', flush=True)\nos.close(1); os.close(2); os.close(0)\n'still'";
    expect(await newCode(options).run("python", source)).toMatchObject({ value: "still", stdout: "before\n" });
  });

  test("reads nothing of what drives it", async () => {
    const code = newCode(options);
    expect(await code.run("python", "import sys; sys.stdin.read()")).toMatchObject({ value: "" });
    expect(await code.run("javascript", "require('fs').readFileSync(0, 'utf8')")).toMatchObject({ value: "" });
    expect(await code.run("shell", "cat; echo end")).toMatchObject({ stdout: "end\n" });
  });

  test("a value that is too long comes as text, cut", async () => {
    const code = newCode({ ...options, valueLimit: 100 });
    for (const [language, source] of [
      ["python", "'x' * 1000"],
      ["javascript", "'x'.repeat(1000)"],
    ] as const) {
      const result = await code.run(language, source);
      expect(result).toMatchObject({ valueKind: "text", valueTruncated: true });
      expect(result.value).toHaveLength(100);
    }
  });

  test("goes in whole, whatever is in it", async () => {
    const text = `'"\`$(exit 9)\\ \u2028 ünï ${"x".repeat(300_000)}`;
    const code = newCode(options);
    expect((await code.run("python", JSON.stringify(text))).value).toBe(text);
    expect((await code.run("javascript", JSON.stringify(text))).value).toBe(text);
    expect((await code.run("shell", `cat <<'end'\n${text}\nend`)).stdout).toBe(`${text}\n`);
  });

  test("its output comes as it is made", async () => {
    const pieces: string[] = [];
    const source = "import time\nfor n in range(3): print(n, flush=True); time.sleep(0.1)";
    let seenAtOne = "";
    const onStdout = (text: string) => {
      pieces.push(text);
      if (text.includes("1")) seenAtOne = pieces.join("");
    };
    const { stdout } = await newCode(options).run("python", source, { onStdout });
    expect(seenAtOne).not.toContain("2");
    expect([stdout, pieces.join("")]).toEqual(["0\n1\n2\n", "0\n1\n2\n"]);
  });

  test("whose interpreter is not there is told with the image's name", async () => {
    const code = newCode({ ...options, programs: { python: "python0" } });
    const error = await code.run("python", "1").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CodeUnavailableError);
    expect(error).toMatchObject({ message: "Sandbox local has no python0 to run python: its image is small." });
  });
});

describe("an interpreter that is kept", () => {
  test.each([
    ["python", "x = 40", "def f(): return x + 2", "f()"],
    ["javascript", "let x = 40", "const f = () => x + 2", "f()"],
  ] as const)(
    "of %s knows what was defined before, also after failures, until it is reset",
    async (language, ...sources) => {
      const code = newCode({ state: true });
      for (const source of sources.slice(0, 2)) expect((await code.run(language, source)).error).toBeUndefined();
      expect((await code.run(language, "nothing_of_this_name")).error?.name).toMatch(/NameError|ReferenceError/);
      expect((await code.run(language, sources[2])).value).toBe(42);
      await code.reset();
      expect((await code.run(language, sources[2])).error?.name).toMatch(/NameError|ReferenceError/);
    },
  );

  test("of the shell keeps variables, functions and its directory", async () => {
    const code = newCode({ state: true });
    await code.run("shell", 'cd /; x=1; f() { echo "$x $PWD"; }');
    expect((await code.run("shell", "f")).stdout).toBe("1 /\n");
  });

  test("runs one snippet at a time, in the order in which they came, languages beside each other", async () => {
    const code = newCode({ state: true });
    const source = (n: number) => `import time; seen = globals().get('seen', []) + [${n}]; time.sleep(0.05); seen`;
    const results = await Promise.all([1, 2, 3].map((n) => code.run("python", source(n))));
    expect(results.map(({ value }) => value)).toEqual([[1], [1, 2], [1, 2, 3]]);
    expect(sandbox.running.size).toBe(1);
  });

  test("what runs on behind a snippet does not hold it up, and its output is the next one's", async () => {
    const code = newCode({ state: true });
    const background =
      "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), print('behind', flush=True))).start()\n1";
    expect(await code.run("python", background)).toMatchObject({ value: 1, stdout: "" });
    expect((await code.run("python", "time.sleep(0.5)")).stdout).toBe("behind\n");
    expect((await code.run("javascript", "setTimeout(() => { throw new Error('late') }, 10); 1")).value).toBe(1);
    expect(await code.run("javascript", "new Promise((done) => setTimeout(done, 100))")).toMatchObject({
      exitCode: expect.any(Number),
    });
    expect((await code.run("javascript", "2")).value).toBe(2);
  });

  test("whose result is taken away by what it ran says so, and goes on", async () => {
    const code = newCode({ state: true });
    const thief = `import glob, os, threading
def steal():
  while True:
    for path in glob.glob('/tmp/.alcove-*.result'):
      try: os.unlink(path)
      except OSError: pass
threading.Thread(target=steal, daemon=True).start()`;
    await code.run("python", thief);
    const results = [];
    for (let turn = 0; turn < 5; turn += 1) results.push(await code.run("python", "'mine'"));
    for (const { error, value } of results) expect(error?.name ?? value).toMatch(/^(NoResult|mine)$/);
  });
});

test("what a snippet starts in one that is not kept is waited for as its program would", async () => {
  const late = "setTimeout(() => { console.log('late'); throw new TypeError('at the end') }, 50); 'value'";
  expect(await newCode().run("javascript", late)).toMatchObject({
    ...{ stdout: "late\n", exitCode: 1, error: { name: "TypeError", message: "at the end" } },
  });
  const kept = await newCode().run("javascript", "setTimeout(() => console.log('late'), 50); 'value'");
  expect(kept).toMatchObject({ stdout: "late\n", value: "value", exitCode: 0, error: undefined });
});

test("a language that there is not is refused by name", () => {
  sandbox.paths.add("/tmp/.alcove-none");
  expect(() => newCode().run("cobol" as never, "")).toThrow('There is no language "cobol": python, javascript, shell.');
});
