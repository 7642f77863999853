/** `alcove shell` as somebody before a screen has it, on the real engine: in tmux, with what people run in terminals. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { entries } from "../cli/run-cli.js";
import { TestDaemon } from "../harness/daemon.js";
import { bringProgram, hasProgram } from "../harness/host-program.js";
import { hasTmux, Screen } from "../harness/tmux.js";

const hasAll = hasTmux && hasProgram("vim");
const whereInstalled = test.runIf(hasAll);
const lack = hasAll ? "" : " (skipped: tmux or vim is not installed; `./dev test` does it)";
/** Of root, in the image's shell; spaces at the end of a line are not seen. */
const prompt = /#$/m;

let daemon: TestDaemon;
let sandbox: Sandbox;
beforeAll(async () => {
  if (!hasAll) return;
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await Sandbox.create({ image: "debian", memory: "512Mi", alcove: daemon.alcove });
  // Nothing of its own to read at the start: the image has none of its files.
  await bringProgram(sandbox, "vim", ["-u", "NONE", "-N"]);
}, 600_000);
afterAll(() => daemon?.[Symbol.asyncDispose]());

function shell(...words: readonly string[]): Promise<Screen> {
  return Screen.open([process.execPath, entries.node, "shell", ...words], { environment: daemon.clientEnvironment });
}

whereInstalled(
  `editors, pagers, job control and a REPL work, over another size, a suspend and a resume${lack}`,
  async () => {
    await using screen = await shell(sandbox.id);
    await screen.shows(prompt);
    await screen.type("cd /root; tput colors; stty size\r");
    await screen.shows(/256\n24 80\n/);

    await screen.type("vim poem\r");
    await screen.shows(/~\n~\n.*"poem" \[New\]/s);
    await screen.type("ione line");
    await screen.shows(/one line\n(~\n){22}-- INSERT --/);
    await screen.resize(100, 30);
    await screen.shows(/one line\n(~\n){28}-- INSERT --/);
    await sandbox.stop();
    await sandbox.resume();
    await screen.press("Enter");
    await screen.type("two lines");
    // Keys that come while vim draws anew lie in it until the next one.
    await screen.shows(/one line\ntwo lines\n~/, { meanwhile: "Escape" });
    await screen.press("Escape");
    await screen.shows(/^(?!.*INSERT)/s);
    await screen.type(":wq\r");
    await screen.shows(prompt);
    expect(await sandbox.files.readText("/root/poem")).toBe("one line\ntwo lines\n");

    await screen.type("clear; seq 1 500 >numbers; less numbers\r");
    await screen.shows(/^1\n2\n/);
    await screen.press("G");
    await screen.shows(/499\n500\n/);
    await screen.press("q");

    await screen.type("clear\r");
    await screen.type("sh -c 'echo be''gun; exec sleep 1000'\r");
    await screen.shows(/^begun$/m);
    await screen.press("C-z");
    await screen.shows("Stopped");
    await screen.type("fg\r");
    await screen.shows(/fg\nsh -c /);
    await screen.press("C-c");
    await screen.type("echo code=$?; jobs; echo none\r");
    await screen.shows(/code=130\nnone\n/);

    await screen.type("clear; python3 -q\r");
    await screen.shows(/^>>>$/m);
    await screen.type("print(6 * 7)\r");
    await screen.shows("\n42\n");
    await screen.press("C-d");
    await screen.type("clear; exit 7\r");
    await screen.shows(/ended-with-7\nicanon\necho\n/);
  },
);

whereInstalled(
  `top goes on after it was left by the escape, and comes back with the screen as it is now${lack}`,
  async () => {
    await using screen = await shell(sandbox.id, "--", "top", "-d", "1");
    await screen.shows(/PID USER/);
    // A key of the program's, so that the escape is not at the beginning of a line.
    await screen.press("Enter");
    await screen.type("~.");
    const left = await screen.shows("ended-with-0\nicanon\necho\n");
    const [, terminal = ""] = /shell --attach (\S+)/.exec(left) ?? [];
    expect((await sandbox.terminals.list()).map(({ id }) => id.slice(0, 8))).toContain(terminal);
    await using back = await shell("--attach", terminal, sandbox.id);
    await back.shows(/PID USER/);
    await back.press("q");
    await back.shows(/ended-with-0/);
  },
);

whereInstalled(`what ends this side leaves the terminal as it was, and the other side running${lack}`, async () => {
  await using screen = await shell(sandbox.id);
  await screen.shows(prompt);
  process.kill(await screen.pidOf("shell"), "SIGTERM");
  const left = await screen.shows(/ended-with-130\nicanon\necho\n/);
  const [, id = ""] = /shell --attach (\S+)/.exec(left) ?? [];
  const terminal = (await sandbox.terminals.list()).find((one) => one.id.startsWith(id));
  expect(terminal).toMatchObject({ state: "Running", terminal: { rows: 24, columns: 80 } });
  await sandbox.terminals.close(terminal?.id ?? "");
  expect((await sandbox.terminals.list()).some((one) => one.id.startsWith(id))).toBe(false);
});
