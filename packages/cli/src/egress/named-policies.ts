import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { namedPolicyView } from "../views/egress.js";
import { readPolicy } from "./policy-file.js";

export function addEgressPolicy(egress: Command, cli: Cli): void {
  const policy = egress
    .command("policy")
    .summary("give policies names, for sandboxes of the group to refer to")
    .description("Policies of the group that have names. A change reaches every sandbox that refers to one.");
  for (const add of [addSet, addList, addGet, addDelete]) add(policy, cli);
  examples(policy, [
    ["alcove egress policy set --file policy.yaml web", ""],
    ["alcove create --egress-policy-id packages debian", ""],
  ]);
}

function addSet(policy: Command, cli: Cli): void {
  const command = policy
    .command("set")
    .summary("make a named policy, or replace one")
    .argument("<name>", "the policy's")
    .requiredOption("-f, --file <file>", "the policy, as YAML or JSON")
    .option("--description <text>", "for people");
  addOutputOptions(command).action(
    async (name: string, { file, description }: { file: string; description?: string }) => {
      const { egressPolicies } = (await cli.alcove()).defaultGroup;
      const options = { description, signal: cli.signal };
      await cli.output.one(namedPolicyView, await egressPolicies.set(name, await readPolicy(file), options));
    },
  );
  examples(command, [["alcove egress policy set --file policy.yaml --description 'What builds need' web", ""]]);
}

function addList(policy: Command, cli: Cli): void {
  const command = policy.command("list").alias("ls").summary("list the group's named policies");
  addOutputOptions(command).action(async () => {
    const { egressPolicies } = (await cli.alcove()).defaultGroup;
    await cli.output.list(namedPolicyView, await egressPolicies.list({ signal: cli.signal }));
  });
  examples(command, [["alcove egress policy list", ""]]);
}

function addGet(policy: Command, cli: Cli): void {
  const command = policy.command("get").summary("show one named policy").argument("<name>", "the policy's");
  addOutputOptions(command).action(async (name: string) => {
    const { egressPolicies } = (await cli.alcove()).defaultGroup;
    await cli.output.one(namedPolicyView, await egressPolicies.get(name, { signal: cli.signal }));
  });
  examples(command, [["alcove egress policy get packages", ""]]);
}

function addDelete(policy: Command, cli: Cli): void {
  const command = policy
    .command("delete")
    .alias("rm")
    .summary("delete a named policy that nothing refers to")
    .argument("<name>", "the policy's")
    .action(async (name: string) => {
      await (await cli.alcove()).defaultGroup.egressPolicies.delete(name, { signal: cli.signal });
      cli.terminal.print(name);
    });
  examples(command, [["alcove egress policy delete packages", ""]]);
}
