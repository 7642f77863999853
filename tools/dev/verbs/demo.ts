import { show } from "../show.js";
import type { Verb } from "../verb.js";
import { up } from "./daemon.js";

const whatNext = `What to try next:

  npx alcove run debian -- python3 -c 'print("hello from a microVM")'
  npx alcove create debian          # one that stays; then exec, cp, list, delete
  npx alcove doctor                 # what this host has and lacks
  npx tsx examples/first-light.ts   # what ran just now, as a program over the SDK
  ./dev down                        # stop the daemon
`;

export const demo: Verb = async (_args, signal) => {
  const status = await up([], signal);
  if (status !== 0) return status;
  const shown = await show(process.execPath, ["--import", "tsx", "examples/first-light.ts"], { signal });
  if (shown === 0) process.stdout.write(whatNext);
  return shown;
};
