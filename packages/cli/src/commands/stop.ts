import { type Command, Option } from "commander";
import type { Cli } from "../cli.js";
import { addWhich, meantSandboxes, type Which, withEach } from "../each-sandbox.js";
import { examples } from "../examples.js";

interface Options extends Which {
  readonly mode: "memory" | "disk";
  readonly wait: boolean;
}

export function addStop(program: Command, cli: Cli): void {
  const command = addWhich(program.command("stop"))
    .summary("stop sandboxes, so that they can go on later")
    .description(
      "Stop sandboxes: with their memory, and their programs go on after resume in the middle of what they do, or with their disk alone. Prints the id of each.",
    )
    .addOption(new Option("--mode <mode>", "what is kept").choices(["memory", "disk"]).default("memory"))
    .option("--no-wait", "print the ids while the sandboxes are still being stopped")
    .action(async (ids: string[], options: Options) => {
      const meant = await meantSandboxes(cli, "stop", ids, options);
      await withEach(cli, meant, (sandbox) =>
        sandbox.stop({ mode: options.mode === "disk" ? "Disk" : "Memory", wait: options.wait, signal: cli.signal }),
      );
    });
  examples(command, [
    ["alcove stop 3f2a", ""],
    ["alcove stop --mode disk 3f2a 9c01", "without their memory"],
    ["alcove stop --no-wait -l run=42", "all with a label"],
  ]);
}
