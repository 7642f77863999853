/** What policies in files look like: the schema for editors, and a check without a server. */
import { EgressPolicy, egressPolicySchema, faultWords } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { printableLines } from "../printable.js";
import { policyText } from "../views/egress.js";
import { invalid, readPolicy, readPolicyFile } from "./policy-file.js";
import { warnOfTemplates } from "./template-warnings.js";

export function addSchema(egress: Command, cli: Cli): void {
  const command = egress
    .command("schema")
    .summary("print the JSON Schema of a policy, for editors")
    .action(() => cli.terminal.print(JSON.stringify(egressPolicySchema(), undefined, 2)));
  examples(command, [["alcove egress schema > egress-policy.schema.json", ""]]);
}

export function addValidate(egress: Command, cli: Cli): void {
  const command = egress
    .command("validate")
    .summary("check a policy in a file, and show what it says; no server is asked")
    .description(
      "Check a policy in a file as the server does, and show what it says. What is wrong is told by its line. No server is asked: which secrets, routes and policies there are it does not know.",
    )
    .requiredOption("-f, --file <file>", "a policy, as YAML or JSON, or Adobe's list of hosts")
    .action(async ({ file: path }: { file: string }) => {
      const policy = await readPolicy(path);
      const { data, error } = EgressPolicy.safeParse(policy, { error: faultWords });
      if (data === undefined) throw invalid(path, await readPolicyFile(path), error.issues);
      warnOfTemplates(cli.terminal, data);
      cli.terminal.print(printableLines(policyText(data)));
    });
  examples(command, [["alcove egress validate --file policy.yaml", ""]]);
}
