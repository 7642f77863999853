/** A program in a terminal of this host, as somebody before a screen sees it: tmux shows it and types for us. */
import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { withoutConfiguration } from "../cli/run-cli.js";

const run = promisify(execFile);

export const hasTmux = spawnSync("tmux", ["-V"]).error === undefined;
const patienceMs = 40_000;
const lookEveryMs = 50;
const looksPerKey = 20;

export class Screen implements AsyncDisposable {
  /** A tmux server of its own. */
  readonly #server = `alcove-${randomBytes(4).toString("hex")}`;

  private constructor() {}

  static async open(
    words: readonly string[],
    {
      environment,
      rows = 24,
      columns = 80,
    }: { environment: Readonly<Record<string, string>>; rows?: number; columns?: number },
  ): Promise<Screen> {
    const screen = new Screen();
    const set = Object.entries({ ...withoutConfiguration, ...environment }).flatMap(([name, value]) => [
      "-e",
      `${name}=${value}`,
    ]);
    const size = ["-x", `${columns}`, "-y", `${rows}`];
    // What it ends with stays on the screen, behind a word that says so.
    const script =
      '"$@"; echo "ended-with-$?"; stty -a | tr " " "\\n" | grep -xE -- "-?(icanon;?|echo;?)"; exec sleep 100000';
    await screen.#tmux("new-session", "-d", ...size, ...set, "sh", "-c", script, "sh", ...words);
    return screen;
  }

  /** Keys by tmux's names: Enter, C-c, Escape; everything else as it is. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** What is on the screen now. */
  async text(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p")).stdout;
  }

  /** Fulfils with the screen when it shows this. A key that means nothing there is pressed now and then until it does. */
  async shows(what: RegExp | string, { meanwhile }: { readonly meanwhile?: string } = {}): Promise<string> {
    const until = Date.now() + patienceMs;
    for (let looks = 1; ; looks++) {
      if (meanwhile !== undefined && looks % looksPerKey === 0) await this.press(meanwhile);
      const text = await this.text();
      if (typeof what === "string" ? text.includes(what) : what.test(text)) return text;
      if (Date.now() > until) throw new Error(`The screen does not show ${what}, but:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  }

  async pidOf(program: string): Promise<number> {
    const { stdout } = await this.#tmux("list-panes", "-F", "#{pane_pid}");
    const { stdout: children } = await run("ps", ["-o", "pid=,args=", "--ppid", stdout.trim()]);
    const line = children.split("\n").find((text) => text.includes(program));
    if (line === undefined) throw new Error(`There is no ${program} among:\n${children}`);
    return Number.parseInt(line, 10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => undefined);
  }

  #tmux(...words: readonly string[]) {
    return run("tmux", ["-L", this.#server, "-f", "/dev/null", ...words]);
  }
}
