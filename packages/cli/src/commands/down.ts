import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { refuseElsewhere } from "../connection.js";
import { examples } from "../examples.js";

const deadlineMs = 30_000;
const pollMs = 50;

export function addDown(program: Command, cli: Cli): void {
  const command = program
    .command("down")
    .summary("stop the daemon")
    .description("Stop the daemon. Sandboxes go on running, and the next daemon takes them over.")
    .action(() => down(cli));
  examples(command, [
    ["alcove down", ""],
    ["alcove delete --all && alcove down", "with everything"],
  ]);
}

async function down(cli: Cli): Promise<void> {
  refuseElsewhere(cli.settings(), "down");
  const alcove = await cli.runningAlcove();
  if (alcove === undefined) return cli.terminal.print("no daemon runs");
  const { pid } = await alcove.version({ signal: cli.signal });
  process.kill(pid, "SIGTERM");
  const slow = setTimeout(() => cli.terminal.progress("The daemon ends what it is doing …"), 1_000);
  const deadline = performance.now() + deadlineMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      throw Object.assign(new Error(`The daemon, process ${pid}, has not ended within ${deadlineMs / 1_000} s.`), {
        hint: `Its log says why; \`kill -9 ${pid}\` loses nothing.`,
      });
    }
    await pause(pollMs, undefined, { signal: cli.signal });
  }
  clearTimeout(slow);
  cli.terminal.print("stopped");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
