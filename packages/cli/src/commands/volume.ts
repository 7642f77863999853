import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { findSandbox } from "../sandbox-name.js";
import { volumeView } from "../views/volume.js";

export function addVolume(program: Command, cli: Cli): void {
  const volume = program
    .command("volume")
    .summary("keep disks that outlive sandboxes")
    .description(
      "Volumes of the group: disks that are mounted in sandboxes and outlive them. One sandbox has a volume at a time.",
    );
  for (const add of [addCreate, addList, addGet, addFork, addDelete, addAttach, addDetach]) add(volume, cli);
  examples(volume, [
    ["alcove volume create --size 10Gi data", ""],
    ["alcove create --volume data:/data debian", "with the volume mounted on /data"],
  ]);
}

const nameArgument = ["<name>", "the volume's"] as const;

function addCreate(volume: Command, cli: Cli): void {
  const command = volume
    .command("create")
    .summary("make a volume")
    .description("Make a volume. Its size counts as disk in the group's quota; the host's disk takes what is written.")
    .argument(...nameArgument)
    .requiredOption("--size <size>", "how much can be on it, 64Mi to 1Ti, such as 10Gi")
    .option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
  addOutputOptions(command).action(
    async (name: string, { size, label: labels }: { size: string; label?: Record<string, string> }) => {
      const { volumes } = (await cli.alcove()).defaultGroup;
      await cli.output.one(volumeView, await volumes.create(name, { size, labels, signal: cli.signal }));
    },
  );
  examples(command, [["alcove volume create --size 10Gi data", ""]]);
}

function addList(volume: Command, cli: Cli): void {
  const command = volume
    .command("list")
    .alias("ls")
    .summary("list the group's volumes, and who has them")
    .option("-l, --label <key=value>", "only those that have it; repeat for more", pairs);
  addOutputOptions(command).action(async ({ label: labels }: { label?: Record<string, string> }) => {
    const { volumes } = (await cli.alcove()).defaultGroup;
    await cli.output.list(volumeView, await volumes.list({ labels, signal: cli.signal }));
  });
  examples(command, [["alcove volume list", ""]]);
}

function addGet(volume: Command, cli: Cli): void {
  const command = volume
    .command("get")
    .alias("show")
    .summary("show one volume, with what it takes of the host's disk")
    .argument(...nameArgument);
  addOutputOptions(command).action(async (name: string) => {
    const { volumes } = (await cli.alcove()).defaultGroup;
    await cli.output.one(volumeView, await volumes.get(name, { signal: cli.signal }));
  });
  examples(command, [["alcove volume get data", ""]]);
}

function addFork(volume: Command, cli: Cli): void {
  const command = volume
    .command("fork")
    .summary("make a copy of a volume that no sandbox has")
    .argument(...nameArgument)
    .argument("<copy>", "what the copy is called")
    .option("-l, --label <key=value>", "of the copy; repeat for more", pairs);
  addOutputOptions(command).action(
    async (name: string, copy: string, { label: labels }: { label?: Record<string, string> }) => {
      const { volumes } = (await cli.alcove()).defaultGroup;
      await cli.output.one(volumeView, await volumes.fork(name, copy, { labels, signal: cli.signal }));
    },
  );
  examples(command, [["alcove volume fork data data-2", ""]]);
}

function addDelete(volume: Command, cli: Cli): void {
  const command = volume
    .command("delete")
    .alias("rm")
    .summary("delete a volume that no sandbox has, with everything on it")
    .argument(...nameArgument)
    .action(async (name: string) => {
      await (await cli.alcove()).defaultGroup.volumes.delete(name, { signal: cli.signal });
      cli.terminal.print(name);
    });
  examples(command, [["alcove volume delete data", ""]]);
}

function addAttach(volume: Command, cli: Cli): void {
  const command = volume
    .command("attach")
    .summary("mount a volume in a sandbox that runs")
    .argument("<sandbox>", "the beginning of its id, or labels")
    .argument(...nameArgument)
    .argument("<directory>", "where to; it is made where it is missing")
    .option("--read-only", "nothing in the sandbox changes the volume");
  addOutputOptions(command).action(
    async (text: string, name: string, directory: string, { readOnly }: { readOnly?: boolean }) => {
      const sandbox = await findSandbox(() => cli.alcove(), text, cli.signal);
      const attached = await sandbox.volumes.attach(name, directory, { readOnly, signal: cli.signal });
      await cli.output.one(volumeView, attached);
    },
  );
  examples(command, [["alcove volume attach $id data /data", ""]]);
}

function addDetach(volume: Command, cli: Cli): void {
  const command = volume
    .command("detach")
    .summary("take a volume away from a sandbox")
    .description("Take a volume away from a sandbox. What was written is on it afterwards; programs must have left it.")
    .argument("<sandbox>", "the beginning of its id, or labels")
    .argument(...nameArgument)
    .action(async (text: string, name: string) => {
      const sandbox = await findSandbox(() => cli.alcove(), text, cli.signal);
      await sandbox.volumes.detach(name, { signal: cli.signal });
      cli.terminal.print(name);
    });
  examples(command, [["alcove volume detach $id data", ""]]);
}
