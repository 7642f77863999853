/**
 * Downloads packages with apt, as any user, without installing them. Uses the system's package lists; where those are
 * missing or too old to download from, it fetches lists of its own, which needs no rights.
 */
import { chmod, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type RunResult, run } from "../../../packages/server/src/host/run.js";

export class AptDownloads {
  readonly #target: string;
  readonly #ownState: string;
  readonly #signal: AbortSignal;
  #options: readonly string[] = [];

  constructor(target: string, ownState: string, signal: AbortSignal) {
    this.#target = target;
    this.#ownState = ownState;
    this.#signal = signal;
  }

  /** Names of the packages that a package depends on; none when apt does not know it. */
  async dependencies(name: string): Promise<readonly string[]> {
    const found = await this.#withLists(async () => {
      const result = await this.#apt("apt-cache", ["depends", "--important", name]);
      return { result, isUsable: /Depends: /.test(result.stdout) };
    });
    return [...found.stdout.matchAll(/ Depends: <?([^\s>]+)/g)].map((match) => match[1] ?? "");
  }

  /** Path of the downloaded package. */
  async download(name: string): Promise<string> {
    await chmod(this.#target, 0o755);
    const directory = join(this.#target, name);
    await mkdir(directory);
    await this.#withLists(async () => {
      const result = await this.#apt("apt-get", ["download", "-o", "APT::Sandbox::User=", name], directory);
      return { result, isUsable: (await readdir(directory)).some((file) => file.endsWith(".deb")) };
    });
    const file = (await readdir(directory)).find((each) => each.endsWith(".deb"));
    if (file === undefined) throw new Error(`apt-get download ${name} made no file.`);
    return join(directory, file);
  }

  /** Once more with lists of its own, when the system's do not serve. */
  async #withLists(attempt: () => Promise<{ result: RunResult; isUsable: boolean }>): Promise<RunResult> {
    const first = await attempt().catch((error: unknown) => {
      this.#signal.throwIfAborted();
      if (this.#options.length > 0) throw error;
      return undefined;
    });
    if (first?.isUsable || (first !== undefined && this.#options.length > 0)) return first.result;
    await this.#fetchOwnLists();
    return (await attempt()).result;
  }

  async #fetchOwnLists(): Promise<void> {
    const lists = join(this.#ownState, "lists");
    const cache = join(this.#ownState, "cache");
    await mkdir(join(lists, "partial"), { recursive: true });
    await mkdir(join(cache, "archives/partial"), { recursive: true });
    this.#options = ["-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`];
    await this.#apt("apt-get", [
      "update",
      "-q",
      "-o",
      "APT::Sandbox::User=",
      "-o",
      "APT::Update::Post-Invoke-Success::=",
    ]);
  }

  #apt(program: string, args: readonly string[], workingDirectory = this.#target): Promise<RunResult> {
    const environment = { ...process.env, LC_ALL: "C" };
    return run(program, [...this.#options, ...args], { signal: this.#signal, environment, workingDirectory });
  }
}
